"""How much the recorder may look at, keep, write and spend."""

VERSION = "1"

SAMPLES = 512
SAMPLE_BYTES = 32 * 1024 * 1024
FACTS_SECONDS = 0.15  # for one look at arrays, when a call begins
FACTS_BLOCK_BYTES = 4 * 1024 * 1024
COLUMNS = 64
CLASSES = 1000
LISTED_STEPS = 4096
ARRAY_FILES = 200
ARRAY_BYTES = 4 * 1024 * 1024
CALL_EVENTS = 64  # for each fit
MEASURED_CALLS = 8  # for each fit
INLINE_NUMBERS = 65536  # of outputs in one event
EVENT_BYTES = 4 * 1024 * 1024
SUBSAMPLE = 4096  # values of one variable, or of one layer's output in a batch

# A share of the time that training takes, and what is allowed before any has passed.
STEP_SHARE = 0.015
STEP_SECONDS = 0.25
RATIO_SHARE = 0.003
RATIO_SECONDS = 0.1
LOOK_SHARE = 0.007
LOOK_SECONDS = 0.1
MEASURE_SHARE = 0.1
MEASURE_SECONDS = 3.0
MOST_MEASURE_SECONDS = 60.0
ALONE_SAMPLES = 16
PHASES_SHARE = 0.4  # of the time for measurements, for both phases; the rest is for trials
ALONE_SHARE = 0.2  # of what is left then, for samples one at a time
FEWEST_ALONE = 8  # in inference phase
FIT_SHARE = 0.7  # for the samples of fit, where there are validation samples, too
FEWEST_SAMPLES = 16  # that are measured in both phases even so
BATCH_INPUT_BYTES = 8 * 1024 * 1024  # of a batch whose size does not matter
# Of all layers' outputs for the samples that pass at once, which Keras keeps until the pass has ended.
PASS_BYTES = 192 * 1024 * 1024
WORSE_SHARE = 0.05  # of right answers, below those in `fit`, at which other inputs are tried
WORSE_LOSS = 1.5

HEARTBEAT_SECONDS = 5.0
MOMENTA = (0.0, 0.1, 0.5, 0.9, 0.99)
AVAILABLE_BOUND = 0.05  # of a channel's deviation
PARTED = 1e-4
