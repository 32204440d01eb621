//! How the app proves who it is to Entra: client secrets, the previous one too during a rotation.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;

use super::token::out_of_time;
use crate::{
    client::Client, config::SecretSource, error::Result, secrets, telemetry::Trace, time::Deadline,
};

/// Client secrets in the order in which they are tried.
pub type Secrets = Arc<[SecretString]>;

/// The client secrets, kept once they were fetched.
#[derive(Debug, Default)]
pub struct Credential {
    fetched: Mutex<Option<Secrets>>,
}

impl Credential {
    /// The secrets, read from Secrets Manager at the first use, and again when Entra has refused all of `refused`.
    ///
    /// None where reading them again brought the same ones.
    pub async fn client_secrets(
        &self,
        source: &SecretSource,
        refused: Option<&Secrets>,
        client: &Client,
        deadline: Deadline,
        trace: &Trace,
    ) -> Result<Option<Secrets>> {
        let aws = match (source, refused) {
            (SecretSource::Environment(_), Some(_)) => return Ok(None),
            (SecretSource::Environment(secret), None) => return Ok(Some([secret.clone()].into())),
            (SecretSource::SecretsManager(aws), _) => aws,
        };
        let Some(mut fetched) = deadline.lock(&self.fetched).await else {
            return Err(out_of_time());
        };
        match (&*fetched, refused) {
            (Some(secrets), None) => return Ok(Some(secrets.clone())),
            // Somebody else has read them again in the meantime.
            (Some(secrets), Some(refused)) if !same(secrets, refused) => {
                return Ok(Some(secrets.clone()));
            }
            _ => {}
        }
        let secrets: Secrets = secrets::client_secrets(aws, client, deadline, trace)
            .await?
            .into();
        let is_new = refused.is_none_or(|refused| !same(&secrets, refused));
        *fetched = Some(secrets.clone());
        Ok(is_new.then_some(secrets))
    }
}

fn same(some: &Secrets, others: &Secrets) -> bool {
    some.iter()
        .map(ExposeSecret::expose_secret)
        .eq(others.iter().map(ExposeSecret::expose_secret))
}
