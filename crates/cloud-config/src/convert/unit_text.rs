//! The rules that Butane and Ignition hold the text of a unit to.
//!
//! They read units with go-systemd, which differs from systemd: a text with a fault here may be one that systemd
//! accepts. Such a unit can still be written as a file.

/// go-systemd refuses a line that fills this many bytes.
const LINE_MAX: usize = 2048;

/// Returns the fault of a unit or drop-in for which Butane and Ignition refuse the whole configuration.
///
/// Lines of 2048 bytes and more count as a fault everywhere; go-systemd overlooks them in some places.
pub(crate) fn unit_text_fault(text: &str) -> Option<&'static str> {
    if text.split(['\n', '\r']).any(|line| line.len() >= LINE_MAX) {
        return Some("line of 2048 bytes or more");
    }
    Options::new(text).find_map(Result::err)
}

/// Returns true if the text has a section `[Install]` with an option, without which Butane warns of `enabled: true`.
pub(crate) fn is_installable(text: &str) -> bool {
    Options::new(text).any(|option| option == Ok("Install"))
}

/// Targets that every boot reaches.
const BOOT_TARGETS: [&str; 16] = [
    "multi-user.target",
    "default.target",
    "basic.target",
    "sysinit.target",
    "sockets.target",
    "timers.target",
    "paths.target",
    "slices.target",
    "local-fs.target",
    "local-fs-pre.target",
    "swap.target",
    "remote-fs.target",
    "getty.target",
    "network-online.target",
    "network.target",
    "machines.target",
];

/// Returns true if an option in `[Install]` lets a target of every boot start the unit.
pub(crate) fn is_wanted_at_boot(text: &str) -> bool {
    let mut section = "";
    text.lines().map(str::trim).any(|line| {
        if line.starts_with('[') {
            section = line;
        }
        let (key, value) = line.split_once('=').unwrap_or_default();
        let is_wanting = matches!(key.trim(), "WantedBy" | "RequiredBy" | "UpheldBy");
        section == "[Install]" && is_wanting && value.split_whitespace().any(|unit| BOOT_TARGETS.contains(&unit))
    })
}

/// Returns true if a text orders its unit after `multi-user.target`.
pub(crate) fn is_after_boot(text: &str) -> bool {
    let mut lines = text.lines().filter_map(|line| line.split_once('='));
    lines.any(|(key, value)| key.trim() == "After" && value.split_whitespace().any(|unit| unit == "multi-user.target"))
}

/// The options of a text: the section of each, or the fault that ends them.
struct Options<'a> {
    rest: &'a str,
    section: Option<&'a str>,
}

impl<'a> Options<'a> {
    fn new(text: &'a str) -> Self {
        Self { rest: text, section: None }
    }

    /// Takes the rest of the line.
    fn line(&mut self) -> &'a str {
        let (line, rest) = self.rest.split_once('\n').unwrap_or((self.rest, ""));
        self.rest = rest;
        line
    }

    /// Takes a comment; a backslash at its end, before one space or none, continues it.
    fn comment(&mut self) {
        loop {
            let line = self.line();
            if !line.strip_suffix(' ').unwrap_or(line).ends_with('\\') || self.rest.is_empty() {
                return;
            }
        }
    }

    /// Takes the header of a section, behind its `[`.
    fn header(&mut self) -> Result<(), &'static str> {
        let (section, rest) = self.rest.split_once(']').ok_or("section header without `]`")?;
        self.rest = rest;
        self.section = Some(section);
        if self.line().trim().is_empty() { Ok(()) } else { Err("text after a section header") }
    }

    /// Takes the name and the value of an option.
    fn option(&mut self) -> Result<(), &'static str> {
        let end = self.rest.find(['=', '\n', '\r']).filter(|end| self.rest.as_bytes()[*end] == b'=');
        let end = end.ok_or("line without `=` in a section")?;
        self.rest = &self.rest[end + 1..];
        loop {
            // A blank line ends a value that a backslash continues.
            let line = self.line();
            if !line.ends_with('\\') || self.rest.is_empty() {
                return Ok(());
            }
        }
    }

    /// Ends the text at a fault.
    fn fail(&mut self, fault: &'static str) -> Result<&'a str, &'static str> {
        self.rest = "";
        Err(fault)
    }
}

impl<'a> Iterator for Options<'a> {
    type Item = Result<&'a str, &'static str>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            // Before the first section any text is passed over, and a comment or a section begins anywhere.
            let start = match self.section {
                None => self.rest.find(['[', '#', ';'])?,
                Some(_) => self.rest.find(|c: char| !c.is_whitespace())?,
            };
            self.rest = &self.rest[start..];
            let taken = match (self.rest.as_bytes()[0], self.section) {
                (b'[', _) => {
                    self.rest = &self.rest[1..];
                    self.header()
                }
                (b'#' | b';', _) | (_, None) => {
                    self.comment();
                    Ok(())
                }
                (_, Some(section)) => match self.option() {
                    Ok(()) => return Some(Ok(section)),
                    Err(fault) => Err(fault),
                },
            };
            if let Err(fault) = taken {
                return Some(self.fail(fault));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{LINE_MAX, is_installable, is_wanted_at_boot, unit_text_fault};

    #[test]
    fn texts_that_go_systemd_reads_have_no_fault() {
        for text in [
            "",
            "words before any section\n",
            "=\n[Unit]\n",
            "[Unit]",
            "[Unit] \t\n",
            "[Unit]\r\nDescription=a\r\n",
            "[Un\nit]\nDescription=a\n",
            "[Unit]\n\n  \n# words\n; words\n  # words\n  Description=a",
            "[Unit]\nDescription = a = b\n",
            "[Unit]\n# a \\\nwords\n# b\\ \nwords\nDescription=\n",
            "# a \\\n[Unit\n[Unit]\n",
            "[Service]\nExecStart=/bin/a \\\n  words \\\n[words\n\n[Install]\n",
            "[Service]\nExecStart=/bin/a \\",
            "words [Unit]\nDescription=a\n",
            "[]\na=b\n",
            "[Unit]\né=é\n\u{a0}\n",
        ] {
            assert_eq!(unit_text_fault(text), None, "{text:?}");
        }
    }

    #[test]
    fn texts_that_go_systemd_refuses_have_a_fault() {
        for (text, fault) in [
            ("[Service", "section header without `]`"),
            ("words [ words\n", "section header without `]`"),
            ("[Unit]\n[Service\n", "section header without `]`"),
            ("[Service] words\n", "text after a section header"),
            ("[Service] # words\n", "text after a section header"),
            ("[Service]]\n", "text after a section header"),
            ("[Service]\nwords\n", "line without `=` in a section"),
            ("[Service]\nwords", "line without `=` in a section"),
            ("[Service]\nwords\rExecStart=a\n", "line without `=` in a section"),
            ("[Service]\nExecStart=a \\\n\nwords\n", "line without `=` in a section"),
            ("[Service]\nExecStart=a \\\r\nwords\n", "line without `=` in a section"),
        ] {
            assert_eq!(unit_text_fault(text), Some(fault), "{text:?}");
        }
    }

    #[test]
    fn a_long_line_is_a_fault() {
        let text = |length: usize| format!("[Service]\nExecStart={}\n", "a".repeat(length - "ExecStart=".len()));
        assert_eq!(unit_text_fault(&text(LINE_MAX - 1)), None);
        assert_eq!(unit_text_fault(&text(LINE_MAX)), Some("line of 2048 bytes or more"));
    }

    #[test]
    fn a_target_of_every_boot_starts_a_unit() {
        for text in [
            "[Install]\nWantedBy=multi-user.target\n",
            "[Unit]\nAfter=a\n[Install]\n RequiredBy = a.service basic.target",
        ] {
            assert!(is_wanted_at_boot(text), "{text:?}");
        }
        for text in [
            "",
            "[Install]\nWantedBy=graphical.target\n",
            "[Install]\nAlias=a.service\n",
            "[Unit]\nWantedBy=multi-user.target\n",
            "[Install]\n# WantedBy=multi-user.target\n",
        ] {
            assert!(!is_wanted_at_boot(text), "{text:?}");
        }
    }

    #[test]
    fn an_option_of_install_makes_a_unit_installable() {
        for text in [
            "[Install]\nWantedBy=multi-user.target\n",
            "[Unit]\nAfter=a\n[Install]\n# words\nAlias=\n",
            "[Install]\n[Install]\na=b",
            "[Install]\na=b\n[Service",
        ] {
            assert!(is_installable(text), "{text:?}");
        }
        for text in [
            "",
            "[Install]\n",
            "[Install]\n# WantedBy=a\n",
            "# [Install]\nWantedBy=a\n",
            "[install]\nWantedBy=a\n",
            "[ Install]\nWantedBy=a\n",
            "[Service]\nExecStart=a \\\n[Install]\nWantedBy=a\n",
            "[Install]\nwords\nWantedBy=a\n",
            "[Unit]\nwords\n[Install]\nWantedBy=a\n",
        ] {
            assert!(!is_installable(text), "{text:?}");
        }
    }
}
