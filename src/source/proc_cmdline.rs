//! `--from-proc-cmdline`: the address in `cloud-config-url=` on the kernel command line (docs/datasources.md).

use anyhow::{Result, anyhow};

use super::{Availability, Context, Datasource, MetaData, files, url};
use crate::http::Url;

/// The kernel command line.
pub struct ProcCmdline;

impl ProcCmdline {
    /// Returns the URL on the command line, or the reason why there is none.
    fn url(cx: &Context<'_>) -> Result<Url, String> {
        let path = &cx.setup.places.cmdline;
        let line = match files::read_part(path, cx) {
            Ok(line) => line.unwrap_or_default(),
            Err(error) => return Err(format!("{error:#}")),
        };
        let line = String::from_utf8_lossy(&line);
        let found = cloud_config_url(&line).filter(|url| !url.is_empty());
        let found = found.ok_or("there is no cloud-config-url on the kernel command line")?;
        Url::parse(&found).map_err(|error| format!("cloud-config-url on the kernel command line: {error}"))
    }
}

impl Datasource for ProcCmdline {
    fn name(&self) -> String {
        "cloud-config-url".to_owned()
    }

    fn probe(&self, cx: &Context<'_>) -> Availability {
        Self::url(cx).map_or_else(Availability::Never, |_| Availability::Here)
    }

    fn meta_data(&self, _: &Context<'_>) -> MetaData {
        MetaData::default()
    }

    fn user_data(&self, cx: &Context<'_>) -> Result<Vec<u8>> {
        let url = Self::url(cx).map_err(|why| anyhow!(why))?;
        log::info!("the kernel command line names {url}");
        url::fetch_user_data(&url, cx)
    }
}

/// Returns the last value of `cloud-config-url`, which may also be spelled with underscores.
fn cloud_config_url(line: &str) -> Option<String> {
    let words = words(line);
    words.iter().rev().find_map(|word| {
        let (key, value) = word.split_once('=')?;
        (key.replace('_', "-") == "cloud-config-url").then(|| value.to_owned())
    })
}

/// Splits a kernel command line into words as the kernel does: double quotes keep words together.
pub(super) fn words(line: &str) -> Vec<String> {
    let (mut words, mut quoted) = (vec![String::new()], false);
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            c if c.is_ascii_whitespace() && !quoted => words.push(String::new()),
            c => {
                if let Some(word) = words.last_mut() {
                    word.push(c);
                }
            }
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::cloud_config_url;

    #[test]
    fn the_last_address_wins_however_it_is_spelled() {
        for (line, wanted) in [
            ("root=/dev/sda ro", None),
            ("cloud-config-url", None),
            ("xcloud-config-url=a", None),
            ("cloud-config-url=", Some("")),
            ("cloud-config-url=http://a/ ro\n", Some("http://a/")),
            ("cloud_config_url=http://a/", Some("http://a/")),
            ("cloud-config_url=http://a/?x=y=z", Some("http://a/?x=y=z")),
            ("cloud-config-url=http://a/ cloud_config_url=http://b/", Some("http://b/")),
            ("cloud-config-url=http://a/ cloud-config-url", Some("http://a/")),
            ("cloud-config-url=\"http://a/b c\" x", Some("http://a/b c")),
            ("\"cloud-config-url=http://a/b c\" x", Some("http://a/b c")),
            ("x=\"cloud-config-url=http://a/\"y=\" z", None),
            ("x=\"y cloud-config-url=http://a/", None),
        ] {
            assert_eq!(cloud_config_url(line).as_deref(), wanted, "{line}");
        }
    }
}
