//! The AWS side: the template, and the real `bootstrap` where stand-ins for AWS hold its secret and trigger it.

mod cargo_lambda;
mod evidence;
mod executions;
mod leases;
mod ministack;
mod moto;
mod node;
mod process;
mod python;
mod races;
mod references;
mod responding;
mod secrets_manager;
mod stack;
mod template;
mod unrolled;
mod workflows;

use std::path::{Path, PathBuf};

/// A file or folder of the checkout.
fn checkout(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
