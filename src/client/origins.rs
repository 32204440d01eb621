//! Which connections a request may go over: those of the process, some made ahead, and for changes those of one invocation.
//!
//! What an invocation waits for, in flights to the far end and back, the start of a cold process included (TLS 1.3: TCP, TLS, request;
//! a relay that delays each flight shows it):
//!
//! | | cold, secret at hand | cold, Secrets Manager or AWS's word | warm |
//! |---|---|---|---|
//! | a read | 4: TCP, TLS and token at Entra, meanwhile TCP and TLS at the API; request | 5: three at AWS, meanwhile TCP and TLS at both; token, request | 1 |
//! | a change without a look | 4 | 6 | 3 |
//! | an isolation: a look, the change, a look | 6 | 7 | 4, the connection being made during the first look |

use std::{
    fmt,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, SystemTime},
};

use reqwest::Url;
use rustls::ClientConfig;

use super::{
    ahead::{Ahead, PATIENCE, is_within},
    connect,
};

/// A connection that has waited or rested longer may be closed at the other end by now.
const FRESH: Duration = Duration::from_secs(20);

/// The same for changes: no common server ends a connection that is silent for less than 5 s.
const ALIVE: Duration = Duration::from_secs(4);

/// The origins to which connections are made ahead, each with a pool of its own: the login host and one API, as a rule.
#[derive(Default)]
pub struct Origins(Mutex<Vec<Origin>>);

struct Origin {
    url: Url,
    http: reqwest::Client,
    ahead: Ahead,
    used: SystemTime,
}

impl Origin {
    fn is_of(&self, url: &Url) -> bool {
        self.url.origin() == url.origin()
    }
}

impl Origins {
    /// Begins to connect, and sends nothing; where a connection waits, or was in use just now, that one will do.
    pub async fn connect(&self, tls: &ClientConfig, to: &Url) {
        let ahead = Ahead::new(FRESH);
        let http = {
            let mut origins = self.lock();
            let is_fresh = |origin: &Origin| origin.is_of(to) && is_within(FRESH, origin.used);
            if origins.iter().any(is_fresh) {
                return;
            }
            // What its pool holds is as old.
            origins.retain(|origin| !origin.is_of(to));
            let http = connect::client_ahead(tls, ahead.clone());
            origins.push(Origin {
                url: to.clone(),
                http: http.clone(),
                ahead,
                used: SystemTime::now(),
            });
            http
        };
        begin(&http, to).await;
    }

    /// Waits a while for the connections that are being made.
    pub async fn connected(&self) {
        let made: Vec<_> = self.lock().iter().map(|made| made.ahead.clone()).collect();
        let all = async {
            for ahead in made {
                ahead.made().await;
            }
        };
        let _ = tokio::time::timeout(PATIENCE, all).await;
    }

    /// The pool of an origin to which a connection was made ahead.
    pub fn pool(&self, url: &Url) -> Option<reqwest::Client> {
        let mut origins = self.lock();
        let origin = origins.iter_mut().find(|origin| origin.is_of(url))?;
        origin.used = SystemTime::now();
        Some(origin.http.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Origin>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Origins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origins = self.lock();
        f.debug_list()
            .entries(origins.iter().map(|origin| origin.url.as_str()))
            .finish()
    }
}

/// The connections for the changes of one invocation, and no other's: one that slept in the pool may be dead, and a change that was
/// written to a dead connection is a change whose outcome nobody knows. They are new, or have answered a moment ago.
#[derive(Debug, Default)]
pub struct Fresh(OnceLock<reqwest::Client>);

impl Fresh {
    /// Begins to connect, the first time, while what comes before the change is done.
    pub async fn connect(&self, tls: &ClientConfig, to: &Url) {
        if self.0.get().is_some() {
            return;
        }
        let http = connect::client_fresh(tls, Ahead::new(ALIVE), ALIVE);
        if self.0.set(http.clone()).is_ok() {
            begin(&http, to).await;
        }
    }

    /// The pool for a change, none of whose connections is older than the invocation.
    pub fn pool(&self, tls: &ClientConfig) -> &reqwest::Client {
        self.0.get_or_init(|| connect::client(tls, 0))
    }
}

/// Has a client make the connection that it was built to make ahead.
async fn begin(http: &reqwest::Client, to: &Url) {
    // The request is dropped as soon as it has asked for a connection.
    let _ = tokio::time::timeout(Duration::ZERO, http.get(to.clone()).send()).await;
}
