"""Which release of Keras or TensorFlow changed the outcome of a claim."""
