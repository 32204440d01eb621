//! An application: how it proves itself, and what it is granted.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// An application as a tenant knows it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct App {
    pub client_id: String,
    pub display_name: String,
    /// A disabled application gets AADSTS7000112.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Without its service principal an application gets AADSTS7000229.
    #[serde(default = "yes")]
    pub service_principal: bool,
    pub secrets: Vec<Secret>,
    /// Certificates in PEM; in a tenant's file also the path of one, from the tenant's folder.
    #[serde(default)]
    pub certificates: Vec<String>,
    #[serde(default)]
    pub federated_credentials: Vec<FederatedCredential>,
    /// Where consent may lead back to; on 127.0.0.1 and localhost any port will do.
    #[serde(default)]
    pub redirect_uris: Vec<String>,
    /// Granted application roles by resource: `graph`, `xdr`, `endpoint`.
    #[serde(default)]
    pub roles: BTreeMap<String, Vec<String>>,
    /// The roles that the registration asks a consenting tenant for; without any, those of `roles`.
    #[serde(default)]
    pub required_roles: BTreeMap<String, Vec<String>>,
    /// The resources, by the same names, whose tokens are of version 2.0.
    #[serde(default)]
    pub version_2_tokens: Vec<String>,
    /// How long its tokens live, which is also the `expires_in` that the caller sees.
    #[serde(default = "default_lifetime")]
    pub token_lifetime_seconds: i64,
}

/// One of an application's client secrets.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Secret {
    pub value: String,
    /// After this instant the secret gets AADSTS7000222.
    #[serde(default)]
    pub expires: Option<String>,
}

/// A foreign issuer's tokens that prove the application. They must match to the letter.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct FederatedCredential {
    pub name: String,
    pub issuer: String,
    pub subject: String,
    pub audience: String,
}

fn yes() -> bool {
    true
}

fn default_lifetime() -> i64 {
    3599
}
