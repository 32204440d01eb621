//! What bounds the functions that act on devices, and the AWS resources that they use.

use super::{
    AwsService,
    environment::{Environment, misconfigured},
};
use crate::error::Result;

/// A table in Amazon DynamoDB whose key is the string `pk`.
#[derive(Debug)]
pub struct LeaseTable {
    pub name: String,
    pub service: AwsService,
}

/// A bucket in Amazon S3.
#[derive(Debug)]
pub struct Bucket {
    pub name: String,
    pub service: AwsService,
}

/// What a response function must not do, whoever asks.
#[derive(Debug, Default)]
pub struct Guards {
    /// `MAX_ACTIONS_PER_HOUR`: so many actions of one kind, in the whole tenant.
    pub max_actions_per_hour: Option<u32>,
    /// `REQUIRE_DEVICE_TAG`: the device must carry it.
    pub require_tag: Option<String>,
    /// `FORBID_DEVICE_TAG`: the device must not carry it.
    pub forbid_tag: Option<String>,
}

impl Environment<'_> {
    pub(super) fn guards(&self) -> Result<Guards> {
        let name = "MAX_ACTIONS_PER_HOUR";
        let most = self.get(name).map(|text| {
            text.trim()
                .parse()
                .map_err(|_| misconfigured(name, format!("is {text:?}; it takes a whole number")))
        });
        let tag = |name| match self.get(name) {
            Some(tag) if tag.contains(',') => {
                Err(misconfigured(name, format!("is {tag:?}; it takes one tag")))
            }
            tag => Ok(tag.map(|tag| tag.trim().to_owned())),
        };
        Ok(Guards {
            max_actions_per_hour: most.transpose()?,
            require_tag: tag("REQUIRE_DEVICE_TAG")?,
            forbid_tag: tag("FORBID_DEVICE_TAG")?,
        })
    }

    pub(super) fn leases(&self) -> Result<Option<LeaseTable>> {
        let Some(name) = self.get("LEASE_TABLE") else {
            return Ok(None);
        };
        let service = self.aws_service("dynamodb", "AWS_ENDPOINT_URL_DYNAMODB")?;
        Ok(Some(LeaseTable { name, service }))
    }

    pub(super) fn evidence(&self) -> Result<Option<Bucket>> {
        let variable = "EVIDENCE_BUCKET";
        let Some(name) = self.get(variable) else {
            return Ok(None);
        };
        let fits =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte);
        if !(3..=63).contains(&name.len()) || !name.bytes().all(fits) {
            return Err(misconfigured(
                variable,
                format!("is {name:?}; it takes the name of an S3 bucket"),
            ));
        }
        let service = self.aws_service("s3", "AWS_ENDPOINT_URL_S3")?;
        Ok(Some(Bucket { name, service }))
    }
}
