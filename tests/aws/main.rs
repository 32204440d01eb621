//! The AWS side: the template, and the real `bootstrap` where stand-ins for AWS hold its secret and trigger it.

mod cargo_lambda;
mod ministack;
mod process;
mod python;
mod secrets_manager;
mod template;

use std::path::{Path, PathBuf};

/// A file or folder of the checkout.
fn checkout(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
