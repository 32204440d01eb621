//! The CPU share of a small function: a control group that a process is moved into.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

/// The memory of the function in MB, and that of one with a whole core:
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html>.
pub const MEMORY: u64 = 128;
pub const WHOLE_CORE: u64 = 1769;

/// The kernel shares out the quota anew in each of these, in microseconds.
const PERIOD: u64 = 20_000;

/// A control group with that share. It is removed when this is dropped.
pub struct Quota {
    group: PathBuf,
}

impl Quota {
    /// Makes the group; an error says why this machine does not let us.
    pub fn make() -> Result<Self, String> {
        let (quota, name) = (
            PERIOD * MEMORY / WHOLE_CORE,
            format!("bench-{}", std::process::id()),
        );
        let root = Path::new("/sys/fs/cgroup");
        let is_v2 = root.join("cgroup.controllers").exists();
        let parent = if is_v2 {
            root.to_owned()
        } else {
            root.join("cpu")
        };
        remove_stale(&parent);
        let group = parent.join(name);
        let make = || -> io::Result<()> {
            if is_v2 {
                fs::write(root.join("cgroup.subtree_control"), "+cpu")?;
            }
            fs::create_dir(&group)?;
            if is_v2 {
                return fs::write(group.join("cpu.max"), format!("{quota} {PERIOD}"));
            }
            fs::write(group.join("cpu.cfs_period_us"), PERIOD.to_string())?;
            fs::write(group.join("cpu.cfs_quota_us"), quota.to_string())
        };
        match make() {
            Ok(()) => Ok(Self { group }),
            Err(error) => {
                let _ = fs::remove_dir(&group);
                Err(format!(
                    "no control group could be made in {} ({error}); run this as root on a machine that lets you, outside a container",
                    parent.display()
                ))
            }
        }
    }

    /// Holds a process to the share from now on, all its threads.
    pub fn hold(&self, process: u32) -> io::Result<()> {
        fs::write(self.group.join("cgroup.procs"), process.to_string())
    }
}

impl Drop for Quota {
    fn drop(&mut self) {
        // The kernel needs a moment to see that the last process is gone.
        for _ in 0..50 {
            if fs::remove_dir(&self.group).is_ok() {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        eprintln!("{} could not be removed", self.group.display());
    }
}

/// The share, and how often the kernel gives it.
pub fn in_words() -> String {
    let quota = PERIOD * MEMORY / WHOLE_CORE;
    format!("{quota} of every {PERIOD} microseconds, as {MEMORY} MB have of a core's {WHOLE_CORE}")
}

/// Removes what runs that were killed have left.
fn remove_stale(parent: &Path) {
    let groups = fs::read_dir(parent).into_iter().flatten().flatten();
    for group in groups {
        let name = group.file_name();
        let id = name.to_str().and_then(|name| name.strip_prefix("bench-"));
        let Some(id) = id.and_then(|id| id.parse::<u32>().ok()) else {
            continue;
        };
        if !Path::new("/proc").join(id.to_string()).exists()
            && let Err(error) = fs::remove_dir(group.path())
        {
            let group = group.path();
            eprintln!("{} could not be removed: {error}", group.display());
        }
    }
}
