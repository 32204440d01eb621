//! `sts:GetWebIdentityToken` by AWS's query protocol: a form in, XML out, the token a JWT of the account's issuer.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, RsaKeyPair};
use serde_json::{Value, json};
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;

use super::{Aws, AwsRefusal, signature};
use crate::answer::Answer;
use crate::jwt;
use crate::request::Request;
use crate::state::{State, guid};
use crate::time::{self, SECOND};

const XMLNS: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// The keys of the account's issuer.
pub(crate) struct IssuerKey {
    rsa: RsaKeyPair,
    ec: EcdsaKeyPair,
}

impl IssuerKey {
    pub fn load() -> IssuerKey {
        let pem = include_bytes!("../../keys/federation-key.pem");
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem).expect("the committed key is PEM");
        let rsa = RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).expect("the committed key is RSA");
        let (algorithm, random) = (&ECDSA_P384_SHA384_FIXED_SIGNING, SystemRandom::new());
        let ec = EcdsaKeyPair::generate_pkcs8(algorithm, &random)
            .ok()
            .and_then(|der| EcdsaKeyPair::from_pkcs8(algorithm, der.as_ref(), &random).ok());
        IssuerKey {
            rsa,
            ec: ec.expect("the operating system gives random bytes"),
        }
    }

    /// The RSA public key, PKCS #1 DER.
    pub fn public(&self) -> &[u8] {
        self.rsa.public().as_ref()
    }

    fn sign(&self, algorithm: &str, claims: &Value) -> String {
        let kid = match algorithm {
            "ES384" => "EC384_0",
            _ => "RSA_0",
        };
        let header = json!({ "kid": kid, "typ": "JWT", "alg": algorithm });
        let signed = jwt::signed_part(&header, claims);
        let signature = match algorithm {
            "ES384" => {
                let made = self.ec.sign(&SystemRandom::new(), signed.as_bytes());
                URL_SAFE_NO_PAD.encode(made.expect("the operating system gives random bytes"))
            }
            _ => jwt::rsa_signature(&self.rsa, algorithm, &signed),
        };
        format!("{signed}.{signature}")
    }
}

/// Why AWS does not do what it is asked for.
pub(crate) struct Refusal {
    status: u16,
    code: String,
    message: String,
}

impl Refusal {
    pub fn new(status: u16, code: &str, message: impl Into<String>) -> Refusal {
        Refusal {
            status,
            code: code.into(),
            message: message.into(),
        }
    }

    pub fn answer(&self) -> Answer {
        let fault = if self.status < 500 {
            "Sender"
        } else {
            "Receiver"
        };
        xml(
            self.status,
            &format!(
                "<ErrorResponse xmlns=\"{XMLNS}\"><Error><Type>{fault}</Type><Code>{}</Code><Message>{}</Message></Error>",
                escaped(&self.code),
                escaped(&self.message)
            ),
            "</ErrorResponse>",
            |id| format!("<RequestId>{id}</RequestId>"),
        )
    }
}

/// Answers a call of `POST /`.
pub(crate) fn answer(state: &State, request: &Request) -> Answer {
    match token(state, request) {
        Ok((token, expires)) => xml(
            200,
            &format!(
                "<GetWebIdentityTokenResponse xmlns=\"{XMLNS}\"><GetWebIdentityTokenResult><WebIdentityToken>{token}</WebIdentityToken><Expiration>{expires}</Expiration></GetWebIdentityTokenResult>"
            ),
            "</GetWebIdentityTokenResponse>",
            |id| format!("<ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata>"),
        ),
        Err(refusal) => refusal.answer(),
    }
}

/// The token and when it expires.
fn token(state: &State, request: &Request) -> Result<(String, String), Refusal> {
    let aws = &state.aws;
    signature::verify(aws, request, "sts")?;
    let fields = request.form();
    let field = |name: &str| {
        let mut fields = fields.iter();
        fields.find_map(|(key, value)| (key == name).then_some(value.as_str()))
    };
    let invalid = |message: String| Refusal::new(400, "ValidationError", message);
    match (field("Action"), field("Version")) {
        (Some("GetWebIdentityToken"), Some("2011-06-15")) => {}
        (action, version) => {
            let message = format!(
                "Could not find operation {} for version {}",
                action.unwrap_or_default(),
                version.unwrap_or_default()
            );
            return Err(Refusal::new(400, "InvalidAction", message));
        }
    }
    let audiences: Vec<&str> = (1..)
        .map_while(|index| field(&format!("Audience.member.{index}")))
        .collect();
    if !(1..=10).contains(&audiences.len())
        || !audiences.iter().all(|one| (1..=1000).contains(&one.len()))
    {
        let message = "'audience' takes 1 to 10 members of 1 to 1000 characters each";
        return Err(invalid(message.into()));
    }
    let algorithm = field("SigningAlgorithm").unwrap_or_default();
    if !["RS256", "ES384"].contains(&algorithm) {
        let message = "'signingAlgorithm' must be one of [RS256, ES384]";
        return Err(invalid(message.into()));
    }
    let seconds = field("DurationSeconds").map_or(Ok(300), str::parse::<i64>);
    let seconds = seconds.ok().filter(|seconds| (60..=3600).contains(seconds));
    let seconds =
        seconds.ok_or_else(|| invalid("'durationSeconds' must be from 60 to 3600".into()))?;
    if let Some(refusal) = aws.refusal {
        return Err(refused(aws, refusal));
    }
    if aws.session_seconds_left.is_some_and(|left| left < seconds) {
        let message = "The requested token duration would extend the session beyond its original expiration time.";
        return Err(Refusal::new(
            403,
            "SessionDurationEscalationException",
            message,
        ));
    }

    let issued = aws.now();
    let mut about = json!({
        "aws_account": aws.account,
        "source_region": aws.region,
        "org_id": "o-simulated1",
        "principal_tags": {},
    });
    if let Some(function) = &aws.function_arn {
        about["lambda_source_function_arn"] = function.as_str().into();
    }
    let claims = json!({
        "iss": aws.issuer,
        "sub": aws.role_arn,
        // A list only for several, as JWTs may have it.
        "aud": match audiences.as_slice() { [one] => json!(one), several => json!(several) },
        "iat": issued,
        "exp": issued + seconds,
        "jti": guid(),
        "https://sts.amazonaws.com/": about,
    });
    let expires = time::format((issued + seconds) * SECOND);
    Ok((state.aws_key.sign(algorithm, &claims), expires))
}

fn refused(aws: &Aws, refusal: AwsRefusal) -> Refusal {
    match refusal {
        AwsRefusal::FederationDisabled => Refusal::new(
            403,
            "OutboundWebIdentityFederationDisabledException",
            format!(
                "Outbound web identity federation is not enabled for account {}.",
                aws.account
            ),
        ),
        AwsRefusal::AccessDenied => {
            let role = aws.role_arn.rsplit('/').next().unwrap_or_default();
            let message = format!(
                "User: arn:aws:sts::{}:assumed-role/{role}/list-incidents is not authorized to perform: sts:GetWebIdentityToken because no identity-based policy allows the sts:GetWebIdentityToken action",
                aws.account
            );
            Refusal::new(403, "AccessDenied", message)
        }
        AwsRefusal::ExpiredToken => {
            let message = "The security token included in the request is expired";
            Refusal::new(403, "ExpiredToken", message)
        }
    }
}

fn xml(status: u16, begin: &str, end: &str, id: impl Fn(&str) -> String) -> Answer {
    let request_id = guid();
    let body = format!("{begin}{}{end}", id(&request_id));
    Answer::new(status, "text/xml", body).header("x-amzn-requestid", request_id)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
