//! How the app proves who it is to Entra: the form fields that a token request carries besides its target.

use secrecy::{ExposeSecret, SecretString};
use tokio::sync::OnceCell;

use crate::{
    client::Client, config::SecretSource, error::Result, secrets, telemetry::Trace, time::Deadline,
};

/// A client secret, kept once it was fetched.
#[derive(Debug, Default)]
pub struct Credential {
    fetched: OnceCell<SecretString>,
}

impl Credential {
    /// The secret, read from Secrets Manager at the first use.
    pub async fn client_secret<'a>(
        &'a self,
        source: &'a SecretSource,
        client: &Client,
        deadline: Deadline,
        trace: &Trace,
    ) -> Result<&'a str> {
        let secret = match source {
            SecretSource::Environment(secret) => secret,
            SecretSource::SecretsManager(aws) => {
                self.fetched
                    .get_or_try_init(|| secrets::client_secret(aws, client, deadline, trace))
                    .await?
            }
        };
        Ok(secret.expose_secret())
    }
}
