//! Access tokens: fetched once for whoever needs the same one, kept until shortly before they expire.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use http::HeaderValue;

use super::{
    claims::Claims,
    credential::{self, Credential, Refused},
    want::{Grant, Refusal, Want},
};
use crate::{
    config::{Config, Tenant},
    error::{Code, Error, Result},
    time::Timestamp,
};

/// A token this close to its end is renewed: time for a slow refresh, and for a clock that is a little off. Tokens live for 60 to 90
/// minutes, <https://learn.microsoft.com/entra/identity-platform/access-tokens#token-lifetime>.
const REFRESH_MARGIN: Duration = Duration::from_secs(300);

/// The longest that renewing a token may hold up a caller for whom the old one still works.
const RENEWAL: Duration = Duration::from_secs(3);

/// A bearer token. What it holds is never shown.
#[derive(Clone)]
pub struct Token {
    authorization: HeaderValue,
    expires: Timestamp,
    /// When it is renewed, if that works.
    refresh: Timestamp,
    claims: Option<Arc<Claims>>,
    /// What it was asked to say.
    demanded: Option<Arc<str>>,
}

impl Token {
    pub(super) fn new(grant: Grant, demanded: Option<&str>, now: Timestamp) -> Option<Self> {
        let mut authorization =
            HeaderValue::from_str(&format!("Bearer {}", grant.access_token)).ok()?;
        authorization.set_sensitive(true);
        let life = Duration::from_secs(grant.expires_in);
        Some(Self {
            authorization,
            expires: now.checked_add(life).ok()?,
            // A token with a short life is used for most of it all the same.
            refresh: now
                .checked_add(life.saturating_sub(REFRESH_MARGIN.min(life / 4)))
                .ok()?,
            claims: Claims::read(&grant.access_token).map(Arc::new),
            demanded: demanded.map(Into::into),
        })
    }

    /// The value of the `Authorization` header, marked as sensitive.
    pub fn authorization(&self) -> HeaderValue {
        self.authorization.clone()
    }

    /// Whether it permits any of these; an opaque token is left to the API to judge.
    pub fn permits(&self, any_of: &[&str]) -> bool {
        self.claims
            .as_ref()
            .is_none_or(|claims| claims.permit(any_of))
    }

    pub fn roles(&self) -> &[String] {
        self.claims.as_ref().map_or(&[], |claims| &claims.roles)
    }

    /// What it says about itself; nothing where it is opaque.
    pub fn claims(&self) -> Option<&Claims> {
        self.claims.as_deref()
    }

    /// The token itself.
    pub(super) fn text(&self) -> &str {
        let header = self.authorization.to_str().unwrap_or_default();
        header.trim_start_matches("Bearer ")
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token until {}", self.expires)
    }
}

/// What a token is good for. The cloud and the app are the process's own and never change.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    tenant: Tenant,
    audience: String,
}

/// Where the token of a key is kept.
#[derive(Debug, Default)]
struct Slot {
    kept: Mutex<Option<Token>>,
    /// Whoever fetches holds it; nobody waits for it for whom the token that is there still works.
    fetching: tokio::sync::Mutex<()>,
}

impl Slot {
    fn lock(&self) -> MutexGuard<'_, Option<Token>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A token that still works, and that answers the challenge if there is one.
    fn usable(&self, claims: Option<&str>) -> Option<Token> {
        let now = Timestamp::now();
        let answers = |token: &Token| claims.is_none() || token.demanded.as_deref() == claims;
        let kept = self.lock();
        let usable = kept.as_ref().filter(|token| now < token.expires);
        usable.filter(|token| answers(token)).cloned()
    }
}

/// The tokens of one process.
#[derive(Debug)]
pub struct Tokens {
    credential: Box<dyn Credential>,
    slots: Mutex<HashMap<Key, Arc<Slot>>>,
}

impl Tokens {
    pub fn new(config: &Config) -> Result<Self> {
        Ok(Self {
            credential: credential::of(&config.credential)?,
            slots: Mutex::default(),
        })
    }

    /// Fetches before the first invocation what AWS has of the credential.
    pub async fn prepare(&self, want: &Want<'_>) -> Result<()> {
        match self.credential.prepare(want) {
            Some(preparing) => preparing.await,
            None => Ok(()),
        }
    }

    /// A token for an audience in a tenant. Callers that want the same one wait for a single fetch. While the one that is
    /// there still works, one of them renews it and waits for that a little, the others not at all.
    pub async fn get(&self, want: &Want<'_>) -> Result<Token> {
        let slot = self.slot(want);
        let is_fresh = |token: &Token| Timestamp::now() < token.refresh;
        let known = slot.usable(want.claims);
        if let Some(token) = known.clone().filter(is_fresh) {
            return Ok(token);
        }
        let _fetching = match (slot.fetching.try_lock(), known) {
            (Ok(fetching), _) => fetching,
            (Err(_), Some(token)) => return Ok(token),
            (Err(_), None) => {
                let waiting = want.deadline.lock(&slot.fetching).await;
                waiting.ok_or_else(out_of_time)?
            }
        };
        // Somebody else may have fetched it in the meantime.
        let usable = slot.usable(want.claims);
        if let Some(token) = usable.clone().filter(is_fresh) {
            return Ok(token);
        }
        if let Some(api) = want.api {
            want.client.connect_ahead(api);
        }
        let patience = if usable.is_some() {
            RENEWAL
        } else {
            Duration::MAX
        };
        let want = Want {
            deadline: want.deadline.within(patience),
            ..*want
        };
        match self.fetch(&want).await {
            Ok(token) => Ok(slot.lock().insert(token).clone()),
            Err(error) if error.code() == Code::CredentialRejected => Err(error),
            // Entra's passing fault is nobody's problem while the old token still works; an API may have refused that one meanwhile.
            Err(error) => slot.usable(want.claims).ok_or(error),
        }
    }

    /// Forgets a token that an API refused, or that permits too little; not one that came after it.
    pub fn discard(&self, want: &Want<'_>, refused: &Token) {
        let slot = self.slot(want);
        slot.lock()
            .take_if(|token| token.authorization == refused.authorization);
    }

    fn slot(&self, want: &Want<'_>) -> Arc<Slot> {
        let key = Key {
            tenant: want.tenant.clone(),
            audience: want.audience.to_owned(),
        };
        self.slots
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(key)
            .or_default()
            .clone()
    }

    /// Fetches a token with the first proof that Entra takes: where it refuses what is at hand, once more with what Secrets Manager,
    /// the file or AWS have now, so that a rotation fails nobody.
    pub async fn fetch(&self, want: &Want<'_>) -> Result<Token> {
        let mut refused = None;
        let mut rejection = None;
        loop {
            let proofs = match self.credential.prove(want, refused).await {
                Ok(Some(proofs)) => proofs,
                // Why Entra refused the last ones says more than why there are no others.
                Err(error) if rejection.is_none() => return Err(error),
                Ok(None) | Err(_) => break,
            };
            let mut by_time = false;
            for proof in &proofs.list {
                match want.token(proof).await {
                    Ok(token) => return Ok(token),
                    Err(Refusal::Otherwise(error)) => return Err(error),
                    Err(Refusal::Credential(refusal)) => {
                        by_time |= refusal.is_of_time();
                        rejection = rejection.or(Some(refusal.error));
                    }
                }
            }
            let generation = proofs.generation;
            if refused
                .replace(Refused {
                    generation,
                    by_time,
                })
                .is_some()
            {
                break;
            }
        }
        Err(rejection
            .unwrap_or_else(|| Error::new(Code::Internal, "there is no credential to try")))
    }
}

/// What a caller hears who has waited in vain for somebody else's fetch.
pub(super) fn out_of_time() -> Error {
    Error::new(
        Code::DeadlineExceeded,
        "The function's time ran out while a token was awaited.",
    )
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::{client::Client, telemetry::Trace, time::Deadline};

    fn token(expires_in: u64) -> Token {
        let now = "2026-11-20T09:00:00Z".parse().unwrap();
        Token::new(
            Grant {
                access_token: "opaque".to_owned(),
                expires_in,
            },
            None,
            now,
        )
        .unwrap()
    }

    #[test]
    fn a_token_is_renewed_five_minutes_early() {
        assert_eq!(token(3600).refresh.to_string(), "2026-11-20T09:55:00Z");
        assert_eq!(token(3600).expires.to_string(), "2026-11-20T10:00:00Z");
    }

    #[test]
    fn a_short_lived_token_is_used_for_most_of_its_life() {
        assert_eq!(token(60).refresh.to_string(), "2026-11-20T09:00:45Z");
    }

    #[test]
    fn lifetimes_are_numbers_or_strings() {
        for expires_in in ["3599", "\"3599\""] {
            let grant: Grant = serde_json::from_str(&format!(
                r#"{{"access_token":"a","expires_in":{expires_in}}}"#
            ))
            .unwrap();
            assert_eq!(grant.expires_in, 3599);
        }
    }

    #[tokio::test]
    async fn nobody_waits_for_a_renewal_for_whom_the_old_token_works() {
        // It takes connections and never answers.
        let entra = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let authority = format!("http://{}", entra.local_addr().unwrap());
        let variables = |name: &str| match name {
            "AZURE_TENANT_ID" => Some("harbourline.example".to_owned()),
            "AZURE_CLIENT_ID" => Some("9f0d6c44-7f4f-4a3c-8f0e-6f2f5f9f2c11".to_owned()),
            "AZURE_CLIENT_SECRET" => Some("a secret".to_owned()),
            "AZURE_AUTHORITY_HOST" => Some(authority.clone()),
            _ => None,
        };
        let config = Config::read(variables).unwrap();
        let tokens = Tokens::new(&config).unwrap();
        let want = Want {
            config: &config,
            client: &Client::new(&config).unwrap(),
            tenant: &config.tenant,
            audience: &config.graph.audience,
            api: None,
            claims: None,
            deadline: Deadline::of_lambda(SystemTime::now() + Duration::from_secs(30)),
            trace: &Trace::default(),
        };
        *tokens.slot(&want).lock() = Some(Token {
            refresh: Timestamp::now(),
            expires: Timestamp::MAX,
            ..token(3600)
        });
        let others = async {
            tokio::task::yield_now().await;
            for _ in 0..3 {
                tokens.get(&want).await.unwrap();
            }
        };
        tokio::select! {
            biased;
            _ = tokens.get(&want) => panic!("they waited for it"),
            () = others => {}
        }
    }

    #[test]
    fn a_token_is_never_shown() {
        let token = token(60);
        assert!(!format!("{token:?} {:?}", token.authorization()).contains("opaque"));
    }
}
