//! What a process keeps between invocations, and what it does before the first.

use std::time::{Duration, SystemTime};

use crate::{
    client::Client,
    config::Config,
    entra::{token::Tokens, want::Want},
    error::Result,
    telemetry::Trace,
    time::Deadline,
};

/// What a process keeps between invocations.
#[derive(Debug)]
pub struct App {
    pub config: Config,
    pub client: Client,
    pub tokens: Tokens,
}

impl App {
    pub fn new(config: Config) -> Result<Self> {
        Ok(Self {
            client: Client::new(&config)?,
            tokens: Tokens::new(&config)?,
            config,
        })
    }

    /// Does before the first invocation what every one of them needs; an error is one that no invocation can get past.
    pub async fn prepare(&self) -> Result<()> {
        let want = Want {
            config: &self.config,
            client: &self.client,
            tenant: &self.config.tenant,
            audience: &self.config.upstream(self.config.api).audience,
            claims: None,
            deadline: Deadline::of_lambda(SystemTime::now() + INIT),
            trace: &Trace::default(),
        };
        self.tokens.prepare(&want).await
    }
}

/// How long a function that starts waits for others. Lambda gives it 10 s.
const INIT: Duration = Duration::from_secs(5);
