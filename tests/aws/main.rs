//! The AWS side: the template, and the real `bootstrap` where stand-ins for AWS hold its secret and trigger it.

mod cargo_lambda;
mod collecting;
mod consent_page;
mod console_page;
mod customers;
mod description;
mod docs;
mod each_tenant;
mod evidence;
mod executions;
mod identity;
mod leases;
mod ministack;
mod monitoring;
mod moto;
mod node;
mod privileges;
mod process;
mod python;
mod races;
mod references;
mod release;
mod responding;
mod results;
mod schedules;
mod secrets_manager;
mod sinks;
mod soak;
mod stack;
mod streams;
mod template;
mod tenants;
mod unrolled;
mod workflows;

use std::path::{Path, PathBuf};

/// A file or folder of the checkout.
fn checkout(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
