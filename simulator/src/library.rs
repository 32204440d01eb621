//! The live response library's files.

use serde::{Deserialize, Serialize};

/// A script or another file that live responses can use.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LibraryFile {
    pub file_name: String,
    pub sha256: String,
    pub description: Option<String>,
    pub creation_time: String,
    pub last_updated_time: String,
    pub created_by: String,
    pub has_parameters: bool,
    pub parameters_description: Option<String>,
    /// The bytes that were uploaded; none for the seeds.
    #[serde(skip)]
    pub content: Vec<u8>,
}
