//! Indicators of compromise, as the Endpoint API shows them.

use serde::{Deserialize, Serialize};

/// An indicator. Instants are kept as the text they came in.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Indicator {
    /// A number as text.
    pub id: String,
    pub indicator_value: String,
    pub indicator_type: String,
    pub action: String,
    pub application: Option<String>,
    pub source: String,
    pub source_type: String,
    pub title: String,
    pub creation_time_date_time_utc: String,
    /// The client id of the application that submitted it.
    pub created_by: String,
    pub created_by_display_name: Option<String>,
    pub expiration_time: Option<String>,
    pub last_update_time: String,
    pub last_updated_by: Option<String>,
    pub severity: Option<String>,
    pub description: String,
    pub recommended_actions: Option<String>,
    #[serde(default)]
    pub rbac_group_names: Vec<String>,
    #[serde(default)]
    pub rbac_group_ids: Vec<String>,
    #[serde(default)]
    pub generate_alert: bool,
    pub educate_url: Option<String>,
}
