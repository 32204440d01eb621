//! What is wrong with an app's access, by names that programs can act on.

use schemars::JsonSchema;
use serde::Serialize;

use super::rejection;
use crate::error::{Code, Error};

/// Named by what somebody has to put right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Finding {
    /// The tenant or the app lives in another national cloud.
    WrongCloud,
    /// There is no such tenant in this cloud, or the token is of another one.
    WrongTenant,
    /// The token was issued for another API, or the tenant does not know the API.
    WrongAudience,
    /// There is no such app, or the token is of another one.
    WrongApp,
    WrongSecret,
    ExpiredSecret,
    /// The certificate is not registered on the app, or has expired.
    WrongCertificate,
    /// The assertion was outside its time.
    WrongClock,
    /// No federated credential of the app matches the token that vouches for it.
    WrongFederatedCredential,
    DisabledApp,
    /// The app is not in the tenant: no administrator has consented to it.
    MissingServicePrincipal,
    /// Nobody has granted what the app asks for.
    MissingConsent,
    MissingPermission,
    /// The tenant does not have the service.
    MissingSubscription,
    /// A policy of the tenant keeps the app out.
    BlockedByPolicy,
    InvalidSignature,
    /// An operation is deployed that the configured API lacks.
    NotOffered,
    /// The function's own settings.
    Misconfigured,
    /// Entra, or AWS, could not be reached or understood, or said something else.
    NoToken,
}

impl Finding {
    /// What an error says for want of a token.
    pub fn of(error: &Error) -> Self {
        let code = error
            .upstream()
            .and_then(|upstream| upstream.code.as_deref());
        let number = code.and_then(rejection::number);
        match number {
            Some(number) => Self::of_aadsts(number),
            None if error.code() == Code::Misconfigured => Finding::Misconfigured,
            None => Finding::NoToken,
        }
    }

    fn of_aadsts(number: u32) -> Self {
        match number {
            900439 | 90038 | 900382 | 900432 => Finding::WrongCloud,
            90002 | 9001023 | 50059 => Finding::WrongTenant,
            500011 | 70011 | 28002 | 700022 | 700023 => Finding::WrongAudience,
            700011 | 700021 => Finding::WrongApp,
            7000215 | 7000218 => Finding::WrongSecret,
            7000222 => Finding::ExpiredSecret,
            700027 | 700030 | 50012 | 50013 | 50027 | 50048 | 900384 => Finding::WrongCertificate,
            700024 => Finding::WrongClock,
            70021 | 700211..=700213 | 7002137 | 7002138 | 700229 => {
                Finding::WrongFederatedCredential
            }
            7000112 | 70001 => Finding::DisabledApp,
            700016 | 7000229 => Finding::MissingServicePrincipal,
            65001 => Finding::MissingConsent,
            650056 | 650057 => Finding::MissingPermission,
            650052 => Finding::MissingSubscription,
            50105 | 53003 | 530032 => Finding::BlockedByPolicy,
            _ => Finding::NoToken,
        }
    }
}
