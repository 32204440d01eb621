//! What one invocation did upstream, counted while it does it.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// What one invocation did upstream, for its log lines and its metrics.
#[derive(Clone, Debug, Default)]
pub struct Trace(Arc<Mutex<Noted>>);

#[derive(Debug, Default)]
struct Noted {
    counts: Counts,
    /// Separated by commas.
    request_ids: String,
    ids: usize,
    subject: Option<String>,
}

/// What is counted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Requests sent, repeats and tokens included.
    pub calls: u32,
    /// Answers that said that a quota is used up.
    pub throttles: u32,
    /// How long quotas were waited for.
    pub throttle_wait: Duration,
    /// Tokens that Entra was asked for, rather than found.
    pub token_fetches: u32,
    /// Actions on devices that were accepted, or sent without an answer.
    pub requested: u32,
    /// Those that were there already.
    pub adopted: u32,
}

/// How many request ids a line holds at most: a listing of many pages should not make an unreadable line.
const IDS: usize = 20;

impl Trace {
    /// Counts a request that was sent.
    pub fn add(&self, request_id: Option<String>) {
        let mut noted = self.lock();
        noted.counts.calls += 1;
        if let Some(id) = request_id.filter(|_| noted.ids < IDS) {
            noted.ids += 1;
            if noted.ids > 1 {
                noted.request_ids.push(',');
            }
            noted.request_ids.push_str(&id);
        }
    }

    /// Names the tenant that an operation about tenants is about.
    pub fn is_about(&self, tenant: &str) {
        self.lock().subject = Some(tenant.to_owned());
    }

    /// Counts an answer that said that a quota is used up.
    pub fn throttled(&self) {
        self.lock().counts.throttles += 1;
    }

    /// Adds to the time that quotas were waited for.
    pub fn waited(&self, wait: Duration) {
        self.lock().counts.throttle_wait += wait;
    }

    /// Counts a token that Entra is asked for.
    pub fn fetches_token(&self) {
        self.lock().counts.token_fetches += 1;
    }

    /// Counts an action that was accepted, or sent without an answer.
    pub fn requested(&self) {
        self.lock().counts.requested += 1;
    }

    /// Counts an action that was there already.
    pub fn adopted(&self) {
        self.lock().counts.adopted += 1;
    }

    /// What was counted so far.
    pub fn counts(&self) -> Counts {
        self.lock().counts
    }

    /// The tenant that it is about, where that is not the one whose token it takes.
    pub fn subject(&self) -> Option<String> {
        self.lock().subject.clone()
    }

    /// Reads the ids that the services gave the first requests, separated by commas.
    pub fn with_request_ids<T>(&self, read: impl FnOnce(&str) -> T) -> T {
        read(&self.lock().request_ids)
    }

    fn lock(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
