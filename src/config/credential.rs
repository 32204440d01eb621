//! Which credential proves to Entra who the app is, as the environment chooses it.

use std::path::PathBuf;

use secrecy::SecretString;

use super::{
    AwsService,
    environment::{Environment, misconfigured},
};
use crate::{api::Cloud, error::Result};

/// Where the proof of who the app is comes from.
#[derive(Clone, Debug)]
pub enum CredentialSource {
    /// `AZURE_CLIENT_SECRET`: the client secret itself.
    Secret(SecretString),
    /// `AZURE_CLIENT_SECRET_ID`: the client secret in AWS Secrets Manager.
    StoredSecret(AwsSecret),
    /// `AZURE_CLIENT_CERTIFICATE_PATH`: a PEM file with the certificate and its key.
    CertificateFile(PathBuf),
    /// `AZURE_CLIENT_CERTIFICATE_SECRET_ID`: the same in AWS Secrets Manager.
    StoredCertificate(AwsSecret),
    /// `AZURE_FEDERATED_TOKEN_FILE`: a token of a workload identity, which others keep fresh.
    TokenFile(PathBuf),
    /// AWS vouches for the function's role; nothing is stored.
    Aws(Federation),
}

impl CredentialSource {
    /// As `AZURE_CREDENTIAL` spells it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Secret(_) | Self::StoredSecret(_) => "secret",
            Self::CertificateFile(_) | Self::StoredCertificate(_) => "certificate",
            Self::TokenFile(_) => "file",
            Self::Aws(_) => "aws",
        }
    }
}

/// A secret in AWS Secrets Manager, by its name or ARN.
#[derive(Clone, Debug)]
pub struct AwsSecret {
    /// The variable that names it.
    pub variable: &'static str,
    pub id: String,
    pub service: AwsService,
}

/// The AWS Security Token Service, and the audience for which its tokens are asked.
#[derive(Clone, Debug)]
pub struct Federation {
    pub service: AwsService,
    pub audience: &'static str,
}

/// What `AZURE_CREDENTIAL` takes.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Secret,
    Certificate,
    File,
    Aws,
}

const KINDS: [(&str, Kind); 4] = [
    ("secret", Kind::Secret),
    ("certificate", Kind::Certificate),
    ("file", Kind::File),
    ("aws", Kind::Aws),
];

const SECRET: &str = "AZURE_CLIENT_SECRET";
const SECRET_ID: &str = "AZURE_CLIENT_SECRET_ID";
const CERTIFICATE: &str = "AZURE_CLIENT_CERTIFICATE_PATH";
const CERTIFICATE_ID: &str = "AZURE_CLIENT_CERTIFICATE_SECRET_ID";
const TOKEN_FILE: &str = "AZURE_FEDERATED_TOKEN_FILE";

/// The variables, and which credential each is for.
const VARIABLES: [(&str, Kind); 5] = [
    (SECRET, Kind::Secret),
    (SECRET_ID, Kind::Secret),
    (CERTIFICATE, Kind::Certificate),
    (CERTIFICATE_ID, Kind::Certificate),
    (TOKEN_FILE, Kind::File),
];

impl Environment<'_> {
    pub(super) fn credential(&self, cloud: &Cloud) -> Result<CredentialSource> {
        let chosen = match self.get("AZURE_CREDENTIAL") {
            Some(_) => Some(self.choice("AZURE_CREDENTIAL", &KINDS)?),
            None => None,
        };
        if chosen == Some(Kind::Aws) {
            let service = self.aws_service("sts", "AWS_ENDPOINT_URL_STS")?;
            let audience = cloud.federation;
            return Ok(CredentialSource::Aws(Federation { service, audience }));
        }
        let eligible = |kind| chosen.is_none_or(|chosen| chosen == kind);
        let configured: Vec<_> = VARIABLES
            .iter()
            .filter(|(_, kind)| eligible(*kind))
            .filter_map(|(name, _)| Some((*name, self.get(name)?)))
            .collect();
        let (variable, value) = match configured.as_slice() {
            [one] => one.clone(),
            [] => return Err(self.nothing_configured(chosen)),
            [(one, _), (other, _), ..] => {
                let advice = match chosen {
                    Some(_) => "set one of them",
                    None => "set one, or say by AZURE_CREDENTIAL which kind counts",
                };
                return Err(misconfigured(
                    one,
                    format!("and {other} are both set; {advice}"),
                ));
            }
        };
        Ok(match variable {
            SECRET => CredentialSource::Secret(value.into()),
            SECRET_ID => CredentialSource::StoredSecret(self.aws_secret(SECRET_ID, value)?),
            CERTIFICATE => CredentialSource::CertificateFile(value.into()),
            CERTIFICATE_ID => {
                CredentialSource::StoredCertificate(self.aws_secret(CERTIFICATE_ID, value)?)
            }
            _ => CredentialSource::TokenFile(value.into()),
        })
    }

    fn aws_secret(&self, variable: &'static str, id: String) -> Result<AwsSecret> {
        let service = self.aws_service("secretsmanager", "AWS_ENDPOINT_URL_SECRETS_MANAGER")?;
        Ok(AwsSecret {
            variable,
            id,
            service,
        })
    }

    fn nothing_configured(&self, chosen: Option<Kind>) -> crate::error::Error {
        let (variable, takes) = match chosen {
            Some(Kind::Certificate) => (
                CERTIFICATE_ID,
                "the name or ARN of the Secrets Manager secret that holds the app's certificate and key as PEM (a file's path goes into \
                 AZURE_CLIENT_CERTIFICATE_PATH)",
            ),
            Some(Kind::File) => (
                TOKEN_FILE,
                "the path of a file with a workload identity's token",
            ),
            Some(_) => (
                SECRET_ID,
                "the name or ARN of the Secrets Manager secret that holds the app's client secret (on a laptop, AZURE_CLIENT_SECRET \
                 takes the secret itself)",
            ),
            None => (
                SECRET_ID,
                "the name or ARN of the Secrets Manager secret that holds the app's client secret (on a laptop, AZURE_CLIENT_SECRET \
                 takes the secret itself). Or store nothing: AZURE_CREDENTIAL=aws lets AWS vouch for the function's role",
            ),
        };
        misconfigured(variable, format!("is not set; it takes {takes}"))
    }
}
