"""One adapter per Keras generation; `base.Adapter` says what each must do."""
