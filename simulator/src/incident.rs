//! Incidents and alerts in the shapes of Microsoft Graph; the XDR API's shapes are translated from these.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

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
            rest: Map::new(),
        }
    }
}
