//! How the app proves who it is to Entra: a client secret, a certificate, a workload identity's token, or AWS's word for the
//! function's role. All of them behind one trait, which brings what a token request carries.

use std::{
    fmt,
    future::Future,
    hash::{DefaultHasher, Hash, Hasher},
    path::PathBuf,
    pin::Pin,
    time::Duration,
};

use secrecy::{ExposeSecret, SecretString};

use super::{certificate::Certificate, federation, kept::Kept, want::Want};
use crate::{
    config::{AwsSecret, CredentialSource, Federation},
    error::{Code, Error, Result},
    secrets,
};

/// What proves to Entra who the app is.
pub trait Credential: fmt::Debug + Send + Sync {
    /// The proofs for one token request, in the order in which they are tried. After Entra has refused some: others, or none where
    /// there are no others.
    fn prove<'a>(
        &'a self,
        want: &'a Want<'_>,
        refused: Option<Refused>,
    ) -> Promise<'a, Result<Option<Proofs>>>;

    /// Asks AWS, where AWS has to be asked, before the first invocation. What fails then is tried again by the invocation; an error
    /// here is one that no other try mends.
    fn prepare<'a>(&'a self, _: &'a Want<'_>) -> Option<Promise<'a, Result<()>>> {
        None
    }
}

pub type Promise<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Proofs that were made of the same thing.
pub struct Proofs {
    pub list: Vec<Proof>,
    /// Tells what they were made of from what was there before or comes after.
    pub generation: u32,
}

/// What a token request carries. Never shown.
pub enum Proof {
    Secret(SecretString),
    /// A JSON web token: our own, signed with the certificate's key, or another issuer's.
    Assertion(SecretString),
}

/// Which proofs Entra refused.
#[derive(Clone, Copy, Debug)]
pub struct Refused {
    pub generation: u32,
    /// Whether an assertion was outside its time.
    pub by_time: bool,
}

/// How long a secret or a certificate is used before it is read again.
const LIFE: Duration = Duration::from_secs(900);

/// The credential that the configuration names. A certificate in a file is read and checked at once.
pub fn of(source: &CredentialSource) -> Result<Box<dyn Credential>> {
    Ok(match source.clone() {
        CredentialSource::Secret(secret) => Box::new(GivenSecret(secret)),
        CredentialSource::StoredSecret(at) => Box::new(StoredSecret {
            at,
            kept: Kept::default(),
        }),
        CredentialSource::CertificateFile(path) => Box::new(CertificateFile {
            kept: Kept::of(certificate_in(&path)?, LIFE),
            path,
        }),
        CredentialSource::StoredCertificate(at) => Box::new(StoredCertificate {
            at,
            kept: Kept::default(),
        }),
        CredentialSource::TokenFile(path) => Box::new(TokenFile(path)),
        CredentialSource::Aws(federation) => Box::new(Aws {
            federation,
            kept: Kept::default(),
        }),
    })
}

/// A client secret in the environment.
#[derive(Debug)]
struct GivenSecret(SecretString);

impl Credential for GivenSecret {
    fn prove<'a>(
        &'a self,
        _: &'a Want<'_>,
        refused: Option<Refused>,
    ) -> Promise<'a, Result<Option<Proofs>>> {
        let proofs = || Proofs {
            list: vec![Proof::Secret(self.0.clone())],
            generation: 0,
        };
        Box::pin(async move { Ok(refused.is_none().then(proofs)) })
    }
}

/// Client secrets in Secrets Manager: the current one and, during a rotation, the previous one.
#[derive(Debug)]
struct StoredSecret {
    at: AwsSecret,
    kept: Kept<Vec<SecretString>>,
}

impl Credential for StoredSecret {
    fn prove<'a>(
        &'a self,
        want: &'a Want<'_>,
        refused: Option<Refused>,
    ) -> Promise<'a, Result<Option<Proofs>>> {
        let read = async {
            let text = secrets::text(&self.at, want).await?;
            Ok((secrets::client_secrets(&self.at, &text)?, LIFE))
        };
        Box::pin(async move {
            let known = self
                .kept
                .get(want.deadline, refused, |a, b| are_same(a, b), read)
                .await?;
            Ok(known.map(|(secrets, generation)| Proofs {
                list: secrets.iter().cloned().map(Proof::Secret).collect(),
                generation,
            }))
        })
    }

    fn prepare<'a>(&'a self, want: &'a Want<'_>) -> Option<Promise<'a, Result<()>>> {
        Some(prove_ahead(self, want))
    }
}

/// Has it kept for the invocations, which try again what fails here.
fn prove_ahead<'a>(credential: &'a dyn Credential, want: &'a Want<'_>) -> Promise<'a, Result<()>> {
    Box::pin(async move {
        let _ = credential.prove(want, None).await;
        Ok(())
    })
}

fn are_same(some: &[SecretString], others: &[SecretString]) -> bool {
    some.iter()
        .map(ExposeSecret::expose_secret)
        .eq(others.iter().map(ExposeSecret::expose_secret))
}

/// A certificate and its key in a PEM file.
#[derive(Debug)]
struct CertificateFile {
    path: PathBuf,
    kept: Kept<Certificate>,
}

impl Credential for CertificateFile {
    fn prove<'a>(
        &'a self,
        want: &'a Want<'_>,
        refused: Option<Refused>,
    ) -> Promise<'a, Result<Option<Proofs>>> {
        let read = async { Ok((certificate_in(&self.path)?, LIFE)) };
        Box::pin(signed(&self.kept, want, refused, read))
    }
}

fn certificate_in(path: &PathBuf) -> Result<Certificate> {
    let variable = "AZURE_CLIENT_CERTIFICATE_PATH";
    let pem = std::fs::read(path).map_err(|error| unreadable(variable, &error))?;
    Certificate::of_pem(&pem, variable)
}

/// A certificate and its key in Secrets Manager.
#[derive(Debug)]
struct StoredCertificate {
    at: AwsSecret,
    kept: Kept<Certificate>,
}

impl StoredCertificate {
    fn certificate(&self, text: &SecretString) -> Result<Certificate> {
        Certificate::of_pem(text.expose_secret().as_bytes(), self.at.variable)
    }
}

impl Credential for StoredCertificate {
    fn prove<'a>(
        &'a self,
        want: &'a Want<'_>,
        refused: Option<Refused>,
    ) -> Promise<'a, Result<Option<Proofs>>> {
        let read = async {
            let text = secrets::text(&self.at, want).await?;
            Ok((self.certificate(&text)?, LIFE))
        };
        Box::pin(signed(&self.kept, want, refused, read))
    }

    fn prepare<'a>(&'a self, want: &'a Want<'_>) -> Option<Promise<'a, Result<()>>> {
        Some(Box::pin(async move {
            let Ok(text) = secrets::text(&self.at, want).await else {
                return Ok(());
            };
            self.kept.put(self.certificate(&text)?, LIFE);
            Ok(())
        }))
    }
}

/// An assertion that the certificate's key has signed.
async fn signed(
    kept: &Kept<Certificate>,
    want: &Want<'_>,
    refused: Option<Refused>,
    read: impl Future<Output = Result<(Certificate, Duration)>> + Send,
) -> Result<Option<Proofs>> {
    // Where only the time was wrong, the same key makes another.
    let distrusted = refused.filter(|refused| !refused.by_time);
    let known = kept
        .get(want.deadline, distrusted, PartialEq::eq, read)
        .await?;
    let Some((certificate, generation)) = known else {
        return Ok(None);
    };
    let assertion = certificate.assertion(&want.config.client_id, &want.url())?;
    Ok(Some(Proofs {
        list: vec![Proof::Assertion(assertion)],
        generation,
    }))
}

/// A workload identity's token in a file that others keep fresh: read anew each time.
#[derive(Debug)]
struct TokenFile(PathBuf);

impl Credential for TokenFile {
    fn prove<'a>(
        &'a self,
        _: &'a Want<'_>,
        refused: Option<Refused>,
    ) -> Promise<'a, Result<Option<Proofs>>> {
        let variable = "AZURE_FEDERATED_TOKEN_FILE";
        Box::pin(async move {
            let text =
                std::fs::read_to_string(&self.0).map_err(|error| unreadable(variable, &error))?;
            let token = text.trim();
            if token.is_empty() {
                let detail = format!("The file that {variable} names is empty; it takes a token.");
                return Err(Error::new(Code::Misconfigured, detail));
            }
            let mut hasher = DefaultHasher::new();
            token.hash(&mut hasher);
            let generation = hasher.finish() as u32;
            if refused.is_some_and(|refused| refused.generation == generation) {
                return Ok(None);
            }
            Ok(Some(Proofs {
                list: vec![Proof::Assertion(token.into())],
                generation,
            }))
        })
    }
}

fn unreadable(variable: &str, error: &std::io::Error) -> Error {
    let detail = format!("The file that {variable} names cannot be read: {error}.");
    Error::new(Code::Misconfigured, detail)
}

/// AWS's word for the function's role: a token of the Security Token Service, used until shortly before its end.
#[derive(Debug)]
struct Aws {
    federation: Federation,
    kept: Kept<SecretString>,
}

impl Credential for Aws {
    fn prove<'a>(
        &'a self,
        want: &'a Want<'_>,
        refused: Option<Refused>,
    ) -> Promise<'a, Result<Option<Proofs>>> {
        let ask = federation::web_identity_token(&self.federation, want);
        Box::pin(async move {
            // A new token is another proof, whatever it says.
            let known = self
                .kept
                .get(want.deadline, refused, |_, _| false, ask)
                .await?;
            Ok(known.map(|(token, generation)| Proofs {
                list: vec![Proof::Assertion(SecretString::clone(&token))],
                generation,
            }))
        })
    }

    fn prepare<'a>(&'a self, want: &'a Want<'_>) -> Option<Promise<'a, Result<()>>> {
        Some(prove_ahead(self, want))
    }
}
