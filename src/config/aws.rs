//! What it takes to call an AWS service: where it is, and the credentials of the function's role.

use reqwest::Url;
use secrecy::SecretString;

use super::environment::Environment;
use crate::error::Result;

/// An AWS service as this process reaches it. Lambda gives every process credentials that outlive it.
#[derive(Debug)]
pub struct AwsService {
    /// The name in signatures, logs and problem documents.
    pub name: &'static str,
    pub endpoint: Url,
    pub region: String,
    pub access_key_id: String,
    pub secret_access_key: SecretString,
    pub session_token: Option<SecretString>,
}

impl Environment<'_> {
    /// The service of that name; `variable` moves it elsewhere, as the AWS SDKs read it.
    pub(super) fn aws_service(&self, name: &'static str, variable: &str) -> Result<AwsService> {
        let region = self.required("AWS_REGION", "the function's AWS region; Lambda sets it")?;
        let variable = match self.get(variable) {
            Some(_) => variable,
            None => "AWS_ENDPOINT_URL",
        };
        let credentials = "the credentials of the function's role; Lambda sets it";
        let host = format!("{name}.{region}.{}", domain(&region));
        Ok(AwsService {
            name,
            endpoint: self.origin(variable, &host)?,
            access_key_id: self.required("AWS_ACCESS_KEY_ID", credentials)?,
            secret_access_key: self.required("AWS_SECRET_ACCESS_KEY", credentials)?.into(),
            session_token: self.get("AWS_SESSION_TOKEN").map(Into::into),
            region,
        })
    }
}

fn domain(region: &str) -> &'static str {
    match region.starts_with("cn-") {
        true => "amazonaws.com.cn",
        false => "amazonaws.com",
    }
}
