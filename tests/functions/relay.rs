//! A relay in front of the simulator: who connected, and what was asked on which connection. It holds requests back, and lets
//! connections die.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::Duration,
};

use simulator::Simulator;

/// For a test that would wait forever for what never happens.
const PATIENCE: Duration = Duration::from_secs(20);

/// Relays to one simulator until the test ends.
pub struct Relay {
    pub origin: String,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    released: Condvar,
}

#[derive(Default)]
struct State {
    connections: Vec<Connection>,
    /// Requests that begin so wait.
    held: Option<String>,
}

struct Connection {
    /// Method and path of each request.
    requests: Vec<String>,
    stream: TcpStream,
    /// Whether it breaks when something is sent on it.
    breaks: bool,
}

impl Relay {
    pub fn to(simulator: &Simulator) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let address = simulator.origin().trim_start_matches("http://").to_owned();
        let shared = Arc::new(Shared::default());
        let relay = shared.clone();
        thread::spawn(move || {
            for client in listener.incoming() {
                let (client, server) = (client.unwrap(), TcpStream::connect(&address).unwrap());
                relay.connect(client, server);
            }
        });
        Self { origin, shared }
    }

    /// The requests of each connection, in the order in which they were made.
    pub fn connections(&self) -> Vec<Vec<String>> {
        let state = self.shared.state.lock().unwrap();
        let requests = |connection: &Connection| connection.requests.clone();
        state.connections.iter().map(requests).collect()
    }

    /// Waits until the connections are as expected.
    pub async fn until(&self, expected: impl Fn(&[Vec<String>]) -> bool) {
        let waiting = async {
            while !expected(&self.connections()) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, waiting).await;
        assert!(waited.is_ok(), "{:?}", self.connections());
    }

    /// Requests that begin so wait until they are released.
    pub fn hold(&self, beginning: &str) {
        self.shared.state.lock().unwrap().held = Some(beginning.to_owned());
    }

    pub fn release(&self) {
        self.shared.state.lock().unwrap().held = None;
        self.shared.released.notify_all();
    }

    /// Ends a connection, so that its other end can see it.
    pub fn close(&self, connection: usize) {
        let state = self.shared.state.lock().unwrap();
        let stream = &state.connections[connection].stream;
        stream.shutdown(Shutdown::Both).unwrap();
    }

    /// Lets all connections break when they are used next, as those do that died while nobody was looking.
    pub fn break_when_used(&self) {
        let mut state = self.shared.state.lock().unwrap();
        for connection in &mut state.connections {
            connection.breaks = true;
        }
    }
}

impl Shared {
    fn connect(self: &Arc<Self>, mut client: TcpStream, mut server: TcpStream) {
        let number = {
            let mut state = self.state.lock().unwrap();
            state.connections.push(Connection {
                requests: Vec::new(),
                stream: client.try_clone().unwrap(),
                breaks: false,
            });
            state.connections.len() - 1
        };
        let mut to_client = client.try_clone().unwrap();
        let mut from_server = server.try_clone().unwrap();
        thread::spawn(move || {
            let _ = std::io::copy(&mut from_server, &mut to_client);
            let _ = to_client.shutdown(Shutdown::Both);
        });
        let shared = self.clone();
        thread::spawn(move || {
            let mut buffer = [0; 64 * 1024];
            while let Ok(length @ 1..) = client.read(&mut buffer) {
                if !shared.pass(number, &buffer[..length])
                    || server.write_all(&buffer[..length]).is_err()
                {
                    break;
                }
            }
            let _ = client.shutdown(Shutdown::Both);
            let _ = server.shutdown(Shutdown::Both);
        });
    }

    /// Notes what is asked, if this is the beginning of a request, and waits while it is held; false where the connection breaks.
    fn pass(&self, number: usize, bytes: &[u8]) -> bool {
        let text = String::from_utf8_lossy(bytes);
        let line = text.lines().next().unwrap_or_default().to_owned();
        let mut state = self.state.lock().unwrap();
        if let Some(request) = line.strip_suffix(" HTTP/1.1") {
            let path = request.split('?').next().unwrap_or_default();
            let connection = &mut state.connections[number];
            connection.requests.push(path.to_owned());
        }
        let is_held = |state: &mut State| {
            let held = state.held.as_ref();
            let is_held = held.is_some_and(|beginning| line.starts_with(beginning));
            is_held && !state.connections[number].breaks
        };
        let state = self.released.wait_while(state, is_held).unwrap();
        !state.connections[number].breaks
    }
}
