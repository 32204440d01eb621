//! What a process keeps between invocations, and what it does before the first.

use std::time::{Duration, SystemTime};

use crate::{
    api::Api,
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

    /// Does before the first invocation what it needs, whatever its input: connects to Entra, and to the API that it will ask first, and
    /// asks AWS for the credential. An error is one that no invocation can get past.
    pub async fn prepare(&self, api: Option<Api>) -> Result<()> {
        let config = &self.config;
        let upstream = config.upstream(api.unwrap_or(config.api));
        let want = Want {
            config,
            client: &self.client,
            tenant: &config.tenant,
            audience: &upstream.audience,
            api: None,
            claims: None,
            deadline: Deadline::of_lambda(SystemTime::now() + INIT),
            trace: &Trace::default(),
        };
        self.client.connect_ahead(&config.authority);
        if api.is_some() {
            self.client.connect_ahead(&upstream.base);
        }
        self.tokens.prepare(&want).await
    }
}

/// How long a function that starts waits for others. Lambda gives it 10 s.
const INIT: Duration = Duration::from_secs(5);
