//! Devices in the shape of the Endpoint API's `machine`, with what response actions have made of them.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A device as the Endpoint API shows it. Instants are kept as the text they came in.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Device {
    /// 40 hexadecimal digits.
    pub id: String,
    pub computer_dns_name: String,
    pub first_seen: String,
    pub last_seen: String,
    pub os_platform: String,
    pub os_build: Option<i64>,
    pub version: Option<String>,
    pub last_ip_address: Option<String>,
    pub last_external_ip_address: Option<String>,
    pub health_status: String,
    /// `onboarded` until an Offboard succeeds, then `CanBeOnboarded`.
    pub onboarding_status: String,
    pub device_value: String,
    pub rbac_group_id: Option<i64>,
    pub rbac_group_name: Option<String>,
    pub risk_score: String,
    pub exposure_level: String,
    pub aad_device_id: Option<String>,
    #[serde(default)]
    pub machine_tags: Vec<String>,
    #[serde(default)]
    pub ip_addresses: Vec<Map<String, Value>>,
    /// Fields that this simulator does not know, passed on as they are.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
    /// Whether the device is cut off; the API does not tell.
    #[serde(skip)]
    pub isolation: Isolation,
    /// Whether only software signed by Microsoft runs; the API does not tell.
    #[serde(skip)]
    pub code_restricted: bool,
}

/// How far a device is cut off from the network.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub enum Isolation {
    #[default]
    None,
    Full,
    Selective,
    /// Contained by the devices around it, having no sensor of its own.
    UnManagedDevice,
}

impl Device {
    pub(crate) fn has_address(&self, ip: &str) -> bool {
        let interfaces = self.ip_addresses.iter();
        self.last_ip_address.as_deref() == Some(ip)
            || interfaces
                .filter_map(|interface| interface.get("ipAddress"))
                .any(|address| address == ip)
    }

    pub(crate) fn is_windows(&self) -> bool {
        self.os_platform.starts_with("Windows")
    }
}
