//! How large a contestant is when it is deployed: its files, and the zip of them.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::DeflateEncoder;
use serde::Serialize;

/// In bytes.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Size {
    pub files: u64,
    /// Deflated at the usual level, with the headers of the zip format.
    pub zip: u64,
}

impl Size {
    /// The size of files and folders.
    pub fn of(paths: &[impl AsRef<Path>]) -> io::Result<Self> {
        let mut size = Self { files: 0, zip: 22 };
        for path in paths {
            size.add(path.as_ref(), 0)?;
        }
        Ok(size)
    }

    fn add(&mut self, path: &Path, folder: u64) -> io::Result<()> {
        let name = path.file_name().map_or(0, |name| name.len() as u64) + folder;
        // What the interpreter made of what is deployed.
        if path.ends_with("__pycache__") {
            return Ok(());
        }
        if path.is_dir() {
            for entry in fs::read_dir(path)? {
                self.add(&entry?.path(), name + 1)?;
            }
            return Ok(());
        }
        let content = fs::read(path)?;
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(&content)?;
        self.files += content.len() as u64;
        // A local header, one in the directory, and the name in both.
        self.zip += encoder.finish()?.len() as u64 + 30 + 46 + 2 * name;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_interpreter_leaves_is_not_deployed() -> io::Result<()> {
        let folder = std::env::temp_dir().join(format!("bench-size-{}", std::process::id()));
        fs::create_dir_all(folder.join("package/__pycache__"))?;
        fs::write(folder.join("package/code.py"), "12345")?;
        fs::write(folder.join("package/__pycache__/code.pyc"), "1234567890")?;
        let size = Size::of(&[folder.join("package")]);
        fs::remove_dir_all(&folder)?;
        assert_eq!(size?.files, 5);
        Ok(())
    }
}
