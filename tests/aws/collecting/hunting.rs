//! The rows of a query, over the time since the last run.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use simulator::{Simulator, Type, Value as Cell, time};

use super::{DOMAIN, Streams};
