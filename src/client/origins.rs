//! Which connections a request may go over: those of the process, some made ahead, and for changes those of one invocation.
//!
//! What an invocation waits for, in flights to the far end and back, the start of a cold process included (TLS 1.3: TCP, TLS, request;
//! a relay that delays each flight shows it). Looking names up is left out, which comes before every new connection:
//!
//! | | cold, secret at hand | cold, Secrets Manager or AWS's word | warm |
//! |---|---|---|---|
//! | a read | 4: TCP, TLS and token at Entra, meanwhile TCP and TLS at the API; request | 5: three at AWS, meanwhile TCP and TLS at both; token, request | 1 |
//! | a change without a look | 4 | 6 | 3 |
//! | an isolation: a look, the change, a look | 6 | 7 | 4, the connection being made from the first look on |

use std::{
    fmt,
    future::Future,
    pin::pin,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    task::{Context, Waker},
    time::{Duration, SystemTime},
};

use reqwest::Url;
use rustls::ClientConfig;

use super::{
    ahead::{Ahead, PATIENCE, is_within},
    connect,
};

/// The longest that a connection made ahead waits for its first use; it may be closed at the other end by then.
const HEAD_START: Duration = Duration::from_secs(20);

/// The longest that a pool rests, by the wall clock. While Lambda freezes the process, connections die without a word: a request on one
/// would wait in vain for as long as it may take, and the pool's own clock may have stood still.
const REST: Duration = Duration::from_secs(60);

/// A change goes over a connection of its invocation that was begun, or has answered, within this time. It is a trade: a longer
/// time would save two flights after a slow look, and make it likelier that the other end closes the connection as the change is sent.
const ALIVE: Duration = Duration::from_secs(1);

/// The pools of a process, one for each origin that was used of late: the login host and one API, as a rule, and services of AWS.
#[derive(Default)]
pub struct Origins(Mutex<Vec<Origin>>);

struct Origin {
    url: Url,
    http: reqwest::Client,
    ahead: Option<Ahead>,
    /// When something was sent or answered last, or a connection begun.
    used: SystemTime,
}

impl Origin {
    fn is_of(&self, url: &Url) -> bool {
        address(&self.url) == address(url)
    }
}

impl Origins {
    /// Begins to connect, and sends nothing; where a connection waits, or was in use just now, that one will do.
    pub fn connect(&self, tls: &ClientConfig, to: &Url) {
        let mut origins = self.lock();
        let is_ready = |origin: &Origin| origin.is_of(to) && is_within(HEAD_START, origin.used);
        if origins.iter().any(is_ready) {
            return;
        }
        // What its pool holds is as old.
        origins.retain(|origin| !origin.is_of(to));
        let ahead = Ahead::new(HEAD_START);
        let http = connect::client_ahead(tls, ahead.clone());
        begin(&http, to);
        origins.push(Origin {
            url: to.clone(),
            http,
            ahead: Some(ahead),
            used: SystemTime::now(),
        });
    }

    /// Waits a while for the connections that are being made.
    pub async fn connected(&self) {
        let made = |origin: &Origin| origin.ahead.clone();
        let made: Vec<_> = self.lock().iter().filter_map(made).collect();
        let all = async {
            for ahead in made {
                ahead.made().await;
            }
        };
        let _ = tokio::time::timeout(PATIENCE, all).await;
    }

    /// The pool of an origin, with what was made ahead for it. One that has rested for too long is given up.
    pub fn pool(&self, tls: &ClientConfig, url: &Url) -> reqwest::Client {
        let mut origins = self.lock();
        origins.retain(|origin| is_within(REST, origin.used));
        if let Some(origin) = origins.iter_mut().find(|origin| origin.is_of(url)) {
            origin.used = SystemTime::now();
            return origin.http.clone();
        }
        let http = connect::client(tls, usize::MAX);
        origins.push(Origin {
            url: url.clone(),
            http: http.clone(),
            ahead: None,
            used: SystemTime::now(),
        });
        http
    }

    /// Says that an answer came, however long it took: a connection to there is alive.
    pub fn answered(&self, url: &Url) {
        let mut origins = self.lock();
        if let Some(origin) = origins.iter_mut().find(|origin| origin.is_of(url)) {
            origin.used = SystemTime::now();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Origin>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Origins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origins = self.lock();
        let hosts = origins.iter().map(|origin| origin.url.host_str());
        f.debug_list().entries(hosts).finish()
    }
}

/// The connections for the changes of one invocation, and no other's: one that slept in the pool may be dead, and a change that was
/// written to a dead connection is a change whose outcome nobody knows. They are new, or have answered a moment ago.
#[derive(Debug, Default)]
pub struct Fresh(OnceLock<(Url, reqwest::Client)>);

impl Fresh {
    /// Begins to connect, the first time, while what comes before the change is done.
    pub fn connect(&self, tls: &ClientConfig, to: &Url) {
        self.0.get_or_init(|| {
            let http = connect::client_fresh(tls, Ahead::new(ALIVE), ALIVE);
            begin(&http, to);
            (to.clone(), http)
        });
    }

    /// The pool for a change, none of whose connections is older than the invocation.
    pub fn pool(&self, tls: &ClientConfig, url: &Url) -> reqwest::Client {
        match self.0.get() {
            Some((to, http)) if address(to) == address(url) => http.clone(),
            _ => connect::client(tls, 0),
        }
    }
}

/// The origin of an address, which is always one of HTTP: compared for every request, and unlike the URL's own it copies nothing.
fn address(url: &Url) -> (&str, Option<&str>, Option<u16>) {
    let port = url.port_or_known_default();
    (url.scheme(), url.host_str(), port)
}

/// Has a client make the connection that it was built to make ahead, before anybody else has the client.
fn begin(http: &reqwest::Client, to: &Url) {
    let request = pin!(http.get(to.clone()).send());
    // It has asked for a connection by then, and is dropped.
    let _ = request.poll(&mut Context::from_waker(Waker::noop()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_pool_that_has_rested_for_too_long_is_given_up_and_one_that_was_answered_is_not() {
        let tls = connect::tls(rustls::RootCertStore::empty());
        let origins = Origins::default();
        let to = Url::parse("http://127.0.0.1:1/").unwrap();
        let is_first = || origins.lock()[0].ahead.is_some();
        origins.connect(&tls, &to);
        origins.lock()[0].used -= 2 * REST;
        origins.answered(&to);
        origins.pool(&tls, &to);
        assert!(is_first());
        origins.lock()[0].used -= 2 * REST;
        origins.pool(&tls, &to);
        assert!(!is_first());
    }
}
