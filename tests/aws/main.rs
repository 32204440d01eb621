//! The AWS side: the template, and the real `bootstrap` where stand-ins for AWS hold its secret and trigger it.

mod cargo_lambda;
mod ministack;
mod process;
mod python;
mod references;
mod secrets_manager;
mod template;
mod unrolled;

use std::path::{Path, PathBuf};

/// A file or folder of the checkout.
fn checkout(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
