//! What Defender Vulnerability Management knows: software, its weaknesses, what is recommended, and for which devices.

use serde::Deserialize;
use serde_json::Value;

/// A tenant's exposure.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Exposure {
    pub software: Vec<Known>,
    pub vulnerabilities: Vec<Known>,
    pub recommendations: Vec<Known>,
    pub missing_kbs: Vec<Known>,
    pub exposure_score: f64,
    pub secure_score: f64,
    pub by_group: Vec<GroupScore>,
}

/// One record and what it is related to.
#[derive(Clone, Debug, Deserialize)]
pub struct Known {
    /// As the Endpoint API shows it.
    pub item: Value,
    /// The ids of devices.
    #[serde(default)]
    pub devices: Vec<String>,
    /// The ids of software.
    #[serde(default)]
    pub software: Vec<String>,
    /// CVE ids.
    #[serde(default)]
    pub vulnerabilities: Vec<String>,
    /// A software's versions.
    #[serde(default)]
    pub versions: Vec<Version>,
}

/// A version of a software, and how far it is spread.
#[derive(Clone, Debug, Deserialize)]
pub struct Version {
    pub version: String,
    pub installations: u64,
    pub vulnerabilities: u64,
}

/// The exposure of a device group.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupScore {
    pub score: f64,
    pub rbac_group_name: String,
    pub rbac_group_id: i64,
}

impl Known {
    pub(crate) fn id(&self) -> &str {
        self.item["id"].as_str().unwrap_or_default()
    }
}
