//! Starting a simulator other than the usual one.

use std::collections::HashSet;
use std::io;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

use crate::aws::Aws;
use crate::aws::sts::IssuerKey;
use crate::clock::Clock;
use crate::entra::key::SigningKey;
use crate::faults::Faults;
use crate::state::State;
use crate::storage::Signer;
use crate::{Simulator, customers, seeds, server, time};

/// What a simulator is started with; see [`Simulator::builder`].
#[derive(Debug, Default)]
pub struct Builder {
    tls: bool,
    live_clock: bool,
    port: u16,
    tenants: Option<PathBuf>,
    customers: usize,
    clock_ahead_seconds: i64,
}

impl Builder {
    /// Speaks TLS with a certificate for `localhost` and `127.0.0.1` made at the start; [`Simulator::ca_pem`] is its root.
    pub fn tls(mut self) -> Builder {
        self.tls = true;
        self
    }

    /// Lets the clock run with the machine's, the seeds moved so that their `asOf` is now.
    pub fn live_clock(mut self) -> Builder {
        self.live_clock = true;
        self
    }

    /// Sets the clock so far ahead of where it would be, or behind if negative; a live clock's seeds are told at its own now.
    pub fn clock_ahead_seconds(mut self, seconds: i64) -> Builder {
        self.clock_ahead_seconds = seconds;
        self
    }

    /// Listens on this port of 127.0.0.1 in place of a free one.
    pub fn port(mut self, port: u16) -> Builder {
        self.port = port;
        self
    }

    /// Reads tenants from the folders below this one in place of the committed ones.
    pub fn tenants_from(mut self, folder: impl Into<PathBuf>) -> Builder {
        self.tenants = Some(folder.into());
        self
    }

    /// Adds so many small tenants, `customer-001.example` and on, in which the first application is consented to; see
    /// [`Simulator::customers`].
    pub fn customers(mut self, count: usize) -> Builder {
        self.customers = count;
        self
    }

    /// Listens and answers from now on.
    ///
    /// # Errors
    /// The port is taken, or a tenant's file cannot be read; the error names it.
    pub fn start(self) -> io::Result<Simulator> {
        let ahead = self.clock_ahead_seconds * time::SECOND;
        let machine = time::ticks(jiff::Timestamp::now()).unwrap_or_default() + ahead;
        let mut tenants = seeds::tenants(
            &self.tenants.unwrap_or_else(seeds::usual),
            self.live_clock.then_some(machine),
        )?;
        let clock = match self.live_clock {
            true => Clock::running(machine),
            false => {
                Clock::frozen(time::parse(&tenants[0].as_of).map_or(machine, |told| told + ahead))
            }
        };
        let as_of = tenants[0].as_of.clone();
        let signed_in = tenants[tenants.len() - 1].domain.clone();
        if let Some(app) = tenants[0].apps.first().cloned() {
            tenants.extend(customers::make(self.customers, &app, &as_of));
        }
        let listener = TcpListener::bind(("127.0.0.1", self.port))?;
        let port = listener.local_addr()?.port();
        let (acceptor, ca_pem) = match self.tls {
            true => certificate().map(|(acceptor, pem)| (Some(acceptor), Some(pem)))?,
            false => (None, None),
        };
        let scheme = if self.tls { "https" } else { "http" };
        let origin = format!("{scheme}://127.0.0.1:{port}");
        let state = State {
            origin: origin.clone(),
            clock,
            key: SigningKey::load(),
            tenants,
            signed_in,
            faults: Faults::default(),
            requests: Vec::new(),
            signer: Signer::new(),
            aws: Aws::default(),
            aws_key: IssuerKey::load(),
            foreign_issuers: Vec::new(),
            used_assertions: HashSet::new(),
        };
        let state = Arc::new(Mutex::new(state));
        let (stop, stopped) = oneshot::channel();
        let thread = server::spawn(listener, acceptor, state.clone(), stopped)?;
        Ok(Simulator {
            origin,
            ca_pem,
            state,
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

/// A fresh self-signed certificate, and its PEM.
fn certificate() -> io::Result<(TlsAcceptor, String)> {
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).map_err(io::Error::other)?;
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|config| {
            config
                .with_no_client_auth()
                .with_single_cert(vec![made.cert.der().clone()], key.into())
        })
        .map_err(io::Error::other)?;
    Ok((TlsAcceptor::from(Arc::new(config)), made.cert.pem()))
}
