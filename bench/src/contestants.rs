//! The ways to write the function that are compared.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::job::Job;

/// One way to write the function.
#[derive(Clone, Debug)]
pub struct Contestant {
    pub name: &'static str,
    pub program: PathBuf,
    pub args: Vec<OsString>,
    pub env: Vec<(String, OsString)>,
    /// What is deployed: measured as bytes and as a zip.
    pub files: Vec<PathBuf>,
    /// The jobs that it takes no part in.
    pub skips: &'static [Job],
}

/// Everything that can run here, and why the others cannot.
pub fn prepare(
    _checkout: &Path,
    _only: &[String],
) -> (Vec<Contestant>, Vec<(&'static str, String)>) {
    (Vec::new(), Vec::new())
}
