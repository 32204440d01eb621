//! What it takes to call an AWS service: where it is, the credentials of the function's role, and the tables and buckets that are used.

use reqwest::Url;
use secrecy::SecretString;

use super::environment::{Environment, misconfigured};
use crate::error::Result;

/// An AWS service as this process reaches it. Lambda gives every process credentials that outlive it.
#[derive(Clone, Debug)]
pub struct AwsService {
    /// The name in signatures, logs and problem documents.
    pub name: &'static str,
    pub endpoint: Url,
    pub region: String,
    pub access_key_id: String,
    pub secret_access_key: SecretString,
    pub session_token: Option<SecretString>,
}

/// A table in Amazon DynamoDB whose key is the string `pk`.
#[derive(Debug)]
pub struct Table {
    /// The variable that names it.
    pub variable: &'static str,
    pub name: String,
    pub service: AwsService,
}

/// A bucket in Amazon S3.
#[derive(Debug)]
pub struct Bucket {
    /// The variable that names it.
    pub variable: &'static str,
    pub name: String,
    pub service: AwsService,
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

    pub(super) fn table(&self, variable: &'static str) -> Result<Option<Table>> {
        let Some(name) = self.get(variable) else {
            return Ok(None);
        };
        let service = self.aws_service("dynamodb", "AWS_ENDPOINT_URL_DYNAMODB")?;
        Ok(Some(Table {
            variable,
            name,
            service,
        }))
    }

    pub(super) fn bucket(&self, variable: &'static str) -> Result<Option<Bucket>> {
        self.get(variable)
            .map(|name| self.bucket_named(variable, name))
            .transpose()
    }

    pub(super) fn bucket_named(&self, variable: &'static str, name: String) -> Result<Bucket> {
        let fits =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte);
        if !(3..=63).contains(&name.len()) || !name.bytes().all(fits) {
            let problem = format!("is {name:?}; it takes the name of an S3 bucket");
            return Err(misconfigured(variable, problem));
        }
        Ok(Bucket {
            variable,
            name,
            service: self.aws_service("s3", "AWS_ENDPOINT_URL_S3")?,
        })
    }

    /// Whole days, as a life-cycle rule of S3 counts them.
    pub(super) fn retention(&self, variable: &str) -> Result<Option<u16>> {
        let read = |text: String| match text.trim().parse() {
            Ok(days @ 1..=3650) => Ok(days),
            _ => {
                let problem = format!("is {text:?}; it takes a number of days, from 1 to 3650");
                Err(misconfigured(variable, problem))
            }
        };
        self.get(variable).map(read).transpose()
    }
}

fn domain(region: &str) -> &'static str {
    match region.starts_with("cn-") {
        true => "amazonaws.com.cn",
        false => "amazonaws.com",
    }
}
