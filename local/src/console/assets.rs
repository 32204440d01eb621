//! The files that the page loads: its own, and those of Swagger UI, all of them in this binary.

use std::borrow::Cow;
use std::io::{self, Cursor, Read};
use std::sync::OnceLock;

use bytes::Bytes;
use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
use zip::ZipArchive;

pub(crate) struct Asset {
    pub path: &'static str,
    pub content_type: &'static str,
    source: Source,
}

enum Source {
    Own(&'static str),
    /// The end of its name in the archive, and what was read of it.
    SwaggerUi(&'static str, OnceLock<Bytes>),
}

const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

static ASSETS: [Asset; 4] = [
    Asset {
        path: "/console/console.css",
        content_type: CSS,
        source: Source::Own(include_str!("console.css")),
    },
    Asset {
        path: "/console/console.js",
        content_type: SCRIPT,
        source: Source::Own(include_str!("console.js")),
    },
    Asset {
        path: "/console/swagger-ui.css",
        content_type: CSS,
        source: Source::SwaggerUi("/dist/swagger-ui.css", OnceLock::new()),
    },
    Asset {
        path: "/console/swagger-ui-bundle.js",
        content_type: SCRIPT,
        source: Source::SwaggerUi("/dist/swagger-ui-bundle.js", OnceLock::new()),
    },
];

/// The file that is served at this path.
pub(super) fn at(path: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.path == path)
}

impl Asset {
    pub fn bytes(&self) -> io::Result<Bytes> {
        match &self.source {
            Source::Own(text) => Ok(Bytes::from_static(text.as_bytes())),
            Source::SwaggerUi(name, read) => match read.get() {
                Some(bytes) => Ok(bytes.clone()),
                None => unpack(name).map(|bytes| read.get_or_init(|| bytes).clone()),
            },
        }
    }
}

/// The file of Swagger UI's archive whose name ends so.
fn unpack(end: &str) -> io::Result<Bytes> {
    let mut archive = ZipArchive::new(Cursor::new(SWAGGER_UI_VENDORED))?;
    let named = |name: &Cow<str>| name.ends_with(end);
    let name = archive.file_names().flatten().find(named);
    let name = name.ok_or(io::ErrorKind::NotFound)?.into_owned();
    let mut bytes = Vec::new();
    archive.by_name(&name)?.read_to_end(&mut bytes)?;
    Ok(bytes.into())
}

#[cfg(test)]
mod tests {
    use super::ASSETS;

    #[test]
    fn every_file_of_the_page_is_on_board() {
        for asset in &ASSETS {
            let bytes = asset.bytes().unwrap();
            assert!(!bytes.is_empty(), "{}", asset.path);
        }
    }
}
