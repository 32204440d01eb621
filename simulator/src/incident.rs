//! Incidents and alerts in the shapes of Microsoft Graph; the XDR API's shapes are translated from these.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::device::Device;

/// An incident as Graph shows it. Instants are kept as the text they came in.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Incident {
    pub id: String,
    pub tenant_id: String,
    pub status: String,
    pub incident_web_url: String,
    /// The incident that this one was merged into.
    pub redirect_incident_id: Option<String>,
    pub display_name: String,
    pub created_date_time: String,
    pub last_update_date_time: String,
    pub assigned_to: Option<String>,
    pub classification: String,
    pub determination: String,
    pub severity: String,
    #[serde(default)]
    pub custom_tags: Vec<String>,
    #[serde(default)]
    pub system_tags: Vec<String>,
    pub description: Option<String>,
    pub last_modified_by: Option<String>,
    pub resolving_comment: Option<String>,
    pub summary: Option<String>,
    #[serde(default)]
    pub comments: Vec<Comment>,
    /// Shown by Graph with null in every field but its ids, status and instants, as a merged incident can arrive.
    #[serde(default, skip_serializing)]
    pub blank: bool,
    /// Fields that this simulator does not know, passed on as they are.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// A comment on an incident or an alert.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Comment {
    pub comment: String,
    pub created_by_display_name: String,
    pub created_date_time: String,
}

/// An alert (`alerts_v2`) as Graph shows it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Alert {
    pub id: String,
    pub provider_alert_id: String,
    pub incident_id: String,
    pub status: String,
    pub severity: String,
    pub classification: String,
    pub determination: String,
    pub service_source: String,
    pub detection_source: String,
    pub product_name: Option<String>,
    pub detector_id: Option<String>,
    pub tenant_id: String,
    pub title: String,
    pub description: Option<String>,
    pub recommended_actions: Option<String>,
    pub category: String,
    pub assigned_to: Option<String>,
    pub alert_web_url: String,
    pub incident_web_url: String,
    pub actor_display_name: Option<String>,
    pub threat_display_name: Option<String>,
    pub threat_family_name: Option<String>,
    #[serde(default)]
    pub mitre_techniques: Vec<String>,
    pub created_date_time: String,
    pub last_update_date_time: String,
    pub resolved_date_time: Option<String>,
    pub first_activity_date_time: String,
    pub last_activity_date_time: String,
    #[serde(default)]
    pub system_tags: Vec<String>,
    pub alert_policy_id: Option<String>,
    #[serde(default)]
    pub comments: Vec<Comment>,
    /// `microsoft.graph.security.*Evidence` objects.
    #[serde(default)]
    pub evidence: Vec<Box<RawValue>>,
    /// Fields that this simulator does not know, passed on as they are.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

impl Alert {
    /// A new alert of Defender for Endpoint about one device, created and last updated at `at`.
    pub fn new(tenant_id: &str, id: &str, incident_id: &str, device: &Device, at: &str) -> Alert {
        let evidence = json!({
            "@odata.type": "#microsoft.graph.security.deviceEvidence",
            "createdDateTime": at,
            "verdict": "unknown",
            "remediationStatus": "none",
            "roles": [],
            "tags": [],
            "firstSeenDateTime": device.first_seen,
            "mdeDeviceId": device.id,
            "azureAdDeviceId": device.aad_device_id,
            "deviceDnsName": device.computer_dns_name,
            "osPlatform": device.os_platform,
            "osBuild": device.os_build,
            "version": device.version,
            "rbacGroupId": device.rbac_group_id,
            "rbacGroupName": device.rbac_group_name,
            "ipInterfaces": [device.last_ip_address],
        });
        let portal = "https://security.microsoft.com";
        Alert {
            id: id.into(),
            provider_alert_id: id.into(),
            incident_id: incident_id.into(),
            status: "new".into(),
            severity: "medium".into(),
            classification: "unknown".into(),
            determination: "unknown".into(),
            service_source: "microsoftDefenderForEndpoint".into(),
            detection_source: "customDetection".into(),
            product_name: Some("Microsoft Defender for Endpoint".into()),
            detector_id: None,
            tenant_id: tenant_id.into(),
            title: format!("Suspicious activity {id}"),
            description: None,
            recommended_actions: None,
            category: "SuspiciousActivity".into(),
            assigned_to: None,
            alert_web_url: format!("{portal}/alerts/{id}?tid={tenant_id}"),
            incident_web_url: format!("{portal}/incidents/{incident_id}?tid={tenant_id}"),
            actor_display_name: None,
            threat_display_name: None,
            threat_family_name: None,
            mitre_techniques: Vec::new(),
            created_date_time: at.into(),
            last_update_date_time: at.into(),
            resolved_date_time: None,
            first_activity_date_time: at.into(),
            last_activity_date_time: at.into(),
            system_tags: Vec::new(),
            alert_policy_id: None,
            comments: Vec::new(),
            evidence: serde_json::value::to_raw_value(&evidence)
                .into_iter()
                .collect(),
            rest: Map::new(),
        }
    }

    /// The evidence as JSON.
    pub(crate) fn evidence(&self) -> Vec<Value> {
        let raw = self.evidence.iter();
        raw.map(|raw| serde_json::from_str(raw.get()).unwrap_or_default())
            .collect()
    }

    /// The first device that the alert is about.
    pub(crate) fn device_id(&self) -> Option<String> {
        self.evidence().iter().find_map(|one| {
            let is_device = one["@odata.type"] == "#microsoft.graph.security.deviceEvidence";
            one["mdeDeviceId"]
                .as_str()
                .filter(|_| is_device)
                .map(str::to_owned)
        })
    }
}

impl Incident {
    /// A new active incident of medium severity, created and last updated at `at`.
    pub fn new(tenant_id: &str, id: u64, at: &str) -> Incident {
        Incident {
            id: id.to_string(),
            tenant_id: tenant_id.into(),
            status: "active".into(),
            incident_web_url: format!(
                "https://security.microsoft.com/incidents/{id}?tid={tenant_id}"
            ),
            redirect_incident_id: None,
            display_name: format!("Suspicious activity {id}"),
            created_date_time: at.into(),
            last_update_date_time: at.into(),
            assigned_to: None,
            classification: "unknown".into(),
            determination: "unknown".into(),
            severity: "medium".into(),
            custom_tags: Vec::new(),
            system_tags: Vec::new(),
            description: None,
            last_modified_by: None,
            resolving_comment: None,
            summary: None,
            comments: Vec::new(),
            blank: false,
            rest: Map::new(),
        }
    }

    /// The same incident merged into another one at `at`.
    pub fn merged_into(mut self, target: &str, at: &str) -> Incident {
        self.status = "redirected".into();
        self.redirect_incident_id = Some(target.into());
        self.last_update_date_time = at.into();
        self
    }
}
