//! The AWS account whose functions use this tenant: its keys, its role, and its Security Token Service at `POST /`.

mod signature;
pub(crate) mod sts;

use std::fmt;

use crate::{Simulator, server};

/// What the simulated account is like; tests change it through `Simulator::edit_aws`.
#[derive(Clone)]
pub struct Aws {
    pub access_key_id: String,
    pub secret_access_key: String,
    /// With one, as every role's session has it, a call must carry it.
    pub session_token: Option<String>,
    pub region: String,
    /// Twelve digits.
    pub account: String,
    /// The caller's role, which is the tokens' `sub`.
    pub role_arn: String,
    /// The account's own issuer of web identity tokens, which is their `iss`.
    pub issuer: String,
    /// The calling function, `lambda_source_function_arn` in the tokens.
    pub function_arn: Option<String>,
    /// So long the caller's session still lives; a token that would outlive it is refused. `None`: long enough.
    pub session_seconds_left: Option<i64>,
    /// Refuses every call that is signed well.
    pub refusal: Option<AwsRefusal>,
    /// How far AWS's clock is ahead of the machine's; the simulator's own clock plays no part here.
    pub clock_ahead_seconds: i64,
}

/// Why the Security Token Service gives no token.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum AwsRefusal {
    /// `OutboundWebIdentityFederationDisabledException`: the account has not enabled it.
    FederationDisabled,
    /// `AccessDenied`: the role's policies do not allow it.
    AccessDenied,
    /// `ExpiredToken`: the role's session has ended.
    ExpiredToken,
}

impl Default for Aws {
    fn default() -> Aws {
        let account = "210987654321";
        let region = "eu-central-1";
        Aws {
            access_key_id: "ASIASIMULATEDKEYID42".into(),
            secret_access_key: "simulated/secret+access/key/of/the/function".into(),
            session_token: Some("simulated//session+token==".into()),
            region: region.into(),
            account: account.into(),
            role_arn: format!("arn:aws:iam::{account}:role/defender-functions"),
            issuer: "https://6f1c2d9e-83b4-4a57-9c0d-e2b7f5a41836.tokens.sts.global.api.aws".into(),
            function_arn: Some(format!(
                "arn:aws:lambda:{region}:{account}:function:list-incidents"
            )),
            session_seconds_left: None,
            refusal: None,
            clock_ahead_seconds: 0,
        }
    }
}

impl Aws {
    /// AWS's now in Unix seconds.
    pub(crate) fn now(&self) -> i64 {
        jiff::Timestamp::now().as_second() + self.clock_ahead_seconds
    }
}

impl Simulator {
    /// The variables of a function in the simulated AWS account; those of [`Simulator::environment`] come on top.
    pub fn aws_environment(&self) -> Vec<(String, String)> {
        let aws = server::lock(&self.state).aws.clone();
        let mut pairs = vec![
            ("AWS_ACCESS_KEY_ID".to_owned(), aws.access_key_id),
            ("AWS_SECRET_ACCESS_KEY".to_owned(), aws.secret_access_key),
            ("AWS_REGION".to_owned(), aws.region),
            ("AWS_ENDPOINT_URL_STS".to_owned(), self.origin.clone()),
        ];
        let token = aws.session_token.into_iter();
        pairs.extend(token.map(|token| ("AWS_SESSION_TOKEN".to_owned(), token)));
        pairs
    }

    /// Changes the simulated AWS account, or reads it, and answers what `change` does.
    pub fn edit_aws<R>(&self, change: impl FnOnce(&mut Aws) -> R) -> R {
        change(&mut server::lock(&self.state).aws)
    }
}

impl fmt::Debug for Aws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aws")
            .field("role_arn", &self.role_arn)
            .finish_non_exhaustive()
    }
}
