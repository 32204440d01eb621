//! The operations as people read them.
use std::io;
use std::path::Path;
pub fn operations(_checkout: &Path) -> io::Result<String> {
    Ok(String::new())
}
pub fn with_tables(readme: &str) -> String {
    readme.to_owned()
}
