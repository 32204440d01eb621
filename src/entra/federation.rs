//! AWS's word for the function's role: a token of the AWS Security Token Service that Entra takes as the app's.
//!
//! Sources: <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetWebIdentityToken.html>,
//! <https://learn.microsoft.com/entra/workload-id/workload-identity-federation>.

use std::time::Duration;

use secrecy::SecretString;

use super::{claims::Claims, want::Want};
use crate::{
    aws,
    client::{Failure, Outgoing, Reply},
    config::Federation,
    error::{Code, Error, Result},
    odata,
    time::Timestamp,
};

/// How long AWS is asked to vouch, in seconds.
const DURATION: &str = "300";

/// What is left of a token's time when another is asked for.
const MARGIN: Duration = Duration::from_secs(60);

/// A token for the function's role, and how long it can be used.
pub async fn web_identity_token(
    federation: &Federation,
    want: &Want<'_>,
) -> Result<(SecretString, Duration)> {
    let body = odata::form(&[
        ("Action", "GetWebIdentityToken"),
        ("Version", "2011-06-15"),
        ("Audience.member.1", federation.audience),
        // Entra takes no other algorithm from another issuer.
        ("SigningAlgorithm", "RS256"),
        ("DurationSeconds", DURATION),
    ]);
    let request = Outgoing {
        passing: throttled,
        ..aws::query_request(&federation.service, body)?
    };
    let read = |reply: &Reply| {
        let text = std::str::from_utf8(&reply.body).unwrap_or_default();
        let token = aws::element(text, "WebIdentityToken");
        let token = token.ok_or_else(|| "holds no WebIdentityToken".to_owned())?;
        let claims = Claims::read(token).ok_or_else(|| "holds no JSON web token".to_owned())?;
        Ok((SecretString::from(token), life(&claims)))
    };
    let outcome = want
        .client
        .send(&request, want.deadline, want.trace, read)
        .await;
    outcome.map_err(|failure| match failure {
        Failure::Refused(reply) => refusal(federation, &reply),
        Failure::Failed(error) | Failure::Lost(error) => error,
    })
}

fn life(claims: &Claims) -> Duration {
    let left = claims.exp.saturating_sub(Timestamp::now().as_second());
    Duration::from_secs(u64::try_from(left).unwrap_or_default()).saturating_sub(MARGIN)
}

fn throttled(reply: &Reply) -> Option<Error> {
    aws::throttled(reply, "sts")
}

fn refusal(federation: &Federation, reply: &Reply) -> Error {
    let audience = federation.audience;
    let detail = match aws::error_kind(reply).as_str() {
        "OutboundWebIdentityFederationDisabledException" | "OutboundWebIdentityFederationDisabled" => {
            "The AWS account does not vouch for its roles yet. Let an administrator of the account enable outbound identity federation \
             (iam:EnableOutboundWebIdentityFederation)."
                .to_owned()
        }
        "AccessDenied" | "AccessDeniedException" => format!(
            "The function's role may not let AWS vouch for it. Allow it sts:GetWebIdentityToken for the audience {audience}, the \
             algorithm RS256 and {DURATION} seconds."
        ),
        "SessionDurationEscalationException" | "SessionDurationEscalation" => format!(
            "The credentials in the environment end within {DURATION} seconds, so AWS does not vouch for that long. Use fresh ones."
        ),
        "ExpiredToken" | "InvalidClientTokenId" | "SignatureDoesNotMatch" => {
            "AWS does not know the credentials in the environment, or they have expired. Lambda sets good ones; elsewhere get fresh ones."
                .to_owned()
        }
        kind => format!(
            "The AWS Security Token Service did not vouch for the function's role ({kind}). AZURE_CREDENTIAL=aws needs outbound identity \
             federation in the account and a region whose STS offers it."
        ),
    };
    Error::new(Code::Misconfigured, detail).from_upstream(aws::upstream("sts", reply))
}
