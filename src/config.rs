//! The only reader of environment and config file.
