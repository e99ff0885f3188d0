//! The sections and assignments of a unit file, split as systemd does.
//!
//! The file is read once for all checks. Only the numbers of faulty lines are kept, because lines may contain secrets.

use std::borrow::Cow;

use super::sections::Sections;
use super::{unit_keys, unit_values};
use crate::yaml::describe_lookalike;

/// Lines with the same fault: the number of the first one, counted from 1, and how many there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct UnitLines {
    pub first: usize,
    pub count: usize,
}

impl UnitLines {
    fn add(&mut self, number: usize) {
        self.first = if self.count == 0 { number } else { self.first };
        self.count += 1;
    }
}

/// The largest number of unknown keys that are kept: each is compared with all known keys.
const UNKNOWN_MAX: usize = 50;

/// The facts about a unit file or a drop-in that the checks need.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Survey<'a> {
    /// Lines before the first section.
    pub outside: UnitLines,
    /// Lines that are neither a section nor an assignment.
    pub odd: UnitLines,
    /// The section in the first line of `odd`, if that line only lacks its `[`.
    pub unopened: Option<&'a str>,
    /// True if the line before the first line of `odd` ends with a backslash and blanks.
    pub broken_continuation: bool,
    /// Section lines that do not end with `]`: one of these makes systemd reject the whole file.
    pub unclosed: UnitLines,
    /// The text after the `[` in the first line of `unclosed`.
    pub unclosed_name: &'a str,
    /// The lookalike or invisible character after the `]` in the first line of `unclosed`, described.
    pub unclosed_by: Option<String>,
    /// Sections that the type of the file does not have.
    pub unknown: UnitLines,
    /// The name of the first section in `unknown`.
    pub unknown_name: &'a str,
    /// The effects of the assignments.
    pub effects: Effects,
    /// The value of `Where=` in a mount unit.
    pub place: Option<&'a str>,
    /// Keys that systemd may not know in their section, each with the section and the line; at most [`UNKNOWN_MAX`].
    pub unknown_keys: Vec<(&'a str, &'a str, usize)>,
    /// The assignments that decide whether systemd loads the unit or can enable it, in order.
    pub settings: Vec<Setting<'a>>,
}

/// An assignment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Setting<'a> {
    pub section: &'a str,
    pub key: &'a str,
    /// The value with its continued lines joined. An empty value resets the earlier assignments of the key.
    pub value: Cow<'a, str>,
    pub line: usize,
}

/// Returns true for an assignment that `Survey::settings` contains.
fn is_collected(section: &str, key: &str) -> bool {
    if unit_values::is_known(section, key) {
        return true;
    }
    match section {
        "Unit" => key == "SuccessAction",
        "Service" => {
            matches!(key, "Type" | "BusName" | "Restart" | "RemainAfterExit" | "ExecStart" | "ExecStop")
                || matches!(key, "ExecCondition" | "ExecReload")
                || PRE_AND_POST.contains(&key)
                || CONTEXT.contains(&key)
        }
        "Mount" | "Swap" => key == "What" || CONTEXT.contains(&key),
        "Socket" => {
            matches!(key, "Accept" | "Service" | "ExecStopPre" | "SocketUser" | "SocketGroup")
                || LISTENS.contains(&key)
                || PRE_AND_POST.contains(&key)
                || CONTEXT.contains(&key)
        }
        "Timer" => TIMES.contains(&key),
        "Path" => PATHS.contains(&key),
        "Install" => matches!(key, "WantedBy" | "RequiredBy" | "UpheldBy" | "Alias" | "Also" | "DefaultInstance"),
        _ => false,
    }
}

/// The commands before and after the commands of a service or socket.
const PRE_AND_POST: [&str; 3] = ["ExecStartPre", "ExecStartPost", "ExecStopPost"];
/// The settings of users and directories of units that run commands.
const CONTEXT: [&str; 7] =
    ["User", "Group", "DynamicUser", "SupplementaryGroups", "WorkingDirectory", "RootDirectory", "RootImage"];
/// The addresses of a socket.
const LISTENS: [&str; 8] = [
    "ListenStream",
    "ListenDatagram",
    "ListenSequentialPacket",
    "ListenFIFO",
    "ListenSpecial",
    "ListenNetlink",
    "ListenMessageQueue",
    "ListenUSBFunction",
];
/// The times of a timer.
const TIMES: [&str; 8] = [
    "OnActiveSec",
    "OnBootSec",
    "OnStartupSec",
    "OnUnitActiveSec",
    "OnUnitInactiveSec",
    "OnCalendar",
    "OnClockChange",
    "OnTimezoneChange",
];
/// The paths of a path unit.
const PATHS: [&str; 5] = ["PathExists", "PathExistsGlob", "PathChanged", "PathModified", "DirectoryNotEmpty"];

/// The effects of the assignments of a unit file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Effects {
    /// True if an assignment in `[Install]` gives `enable` an effect.
    pub install: bool,
    /// True if the file includes another file (`.include`, in old releases), which may have any effect.
    pub include: bool,
}

/// Reads `content`. Without `sections`, all sections count as known.
pub(super) fn survey(content: &str, sections: Option<Sections>) -> Survey<'_> {
    let mut found = Survey::default();
    let mut section = UnitPlace::Outside;
    for line in logical_lines(content) {
        let (number, text) = (line.number, line.first);
        if text.starts_with(".include ") {
            found.effects.include = true;
        } else if let Some(name) = text.strip_prefix('[') {
            match name.strip_suffix(']') {
                // `X-` marks sections of other programs, whose content is not checked.
                Some(name) if name.starts_with("X-") => section = UnitPlace::Ignored,
                Some(name) if sections.is_none_or(|sections| sections.know(name)) => section = UnitPlace::In(name),
                Some(name) => {
                    if found.unknown.count == 0 {
                        found.unknown_name = name;
                    }
                    found.unknown.add(number);
                    section = UnitPlace::Ignored;
                }
                None => {
                    let (inside, behind) = name.split_once(']').unwrap_or((name, ""));
                    if found.unclosed.count == 0 {
                        found.unclosed_name = name;
                        found.unclosed_by = describe_lookalike(behind);
                    }
                    found.unclosed.add(number);
                    // The author means this section, so the lines below it belong to it.
                    let is_known = sections.is_some_and(|sections| sections.know(inside.trim()));
                    section = if is_known { UnitPlace::In(inside.trim()) } else { UnitPlace::Ignored };
                }
            }
        } else {
            match section {
                UnitPlace::Outside => found.outside.add(number),
                // systemd ignores these lines, too.
                UnitPlace::Ignored => {}
                UnitPlace::In(inside) => match line.whole.split_once('=') {
                    Some((key, value)) if !key.trim_matches(is_no_text).is_empty() => {
                        found.assign(inside, key.trim_matches(is_no_text), value.trim(), number);
                    }
                    _ => {
                        let name = text.strip_suffix(']').filter(|name| sections.is_some_and(|known| known.know(name)));
                        if found.odd.count == 0 {
                            found.unopened = name;
                        }
                        if let Some(name) = name {
                            section = UnitPlace::In(name);
                        }
                        found.broken_continuation |= found.odd.count == 0 && line.after_blank_backslash;
                        found.odd.add(number);
                    }
                },
            }
        }
    }
    found
}

#[derive(Clone, Copy)]
enum UnitPlace<'a> {
    Outside,
    In(&'a str),
    Ignored,
}

impl<'a> Survey<'a> {
    fn assign(&mut self, section: &'a str, key: &'a str, value: &'a str, line: usize) {
        if is_collected(section, key) {
            self.settings.push(Setting { section, key, value: joined(value), line });
        }
        if self.unknown_keys.len() < UNKNOWN_MAX && !unit_keys::may_be_known(section, key) {
            self.unknown_keys.push((section, key, line));
        }
        match (section, key) {
            // An empty value resets the earlier assignments.
            ("Mount" | "Automount", "Where") => self.place = Some(value).filter(|value| !value.is_empty()),
            _ if value.is_empty() => {}
            ("Install", "WantedBy" | "RequiredBy" | "UpheldBy" | "Alias" | "Also") => self.effects.install = true,
            _ => {}
        }
    }

    /// Returns true if the section `name` of a file with `sections` may be missing or misspelled, or one of its keys
    /// may be misspelled or in another section. A setting that seems to be missing may be there.
    pub fn misspells(&self, sections: Sections, name: &str) -> bool {
        let bracketed = format!("[{name}]");
        let is_section = match self.unknown.count {
            0 => false,
            1 => sections.help(self.unknown_name).contains(&format!("did you mean `{bracketed}`")),
            _ => true,
        };
        let is_key = |(section, key, _): &(&str, &str, usize)| {
            let help = unit_keys::help(sections, section, key);
            help.is_some_and(|help| *section == name || help.ends_with(&bracketed))
        };
        self.outside.count > 0 || is_section || self.unknown_keys.iter().any(is_key)
    }

    /// Returns true if all lines are valid.
    pub const fn is_clean(&self) -> bool {
        self.outside.count == 0 && self.odd.count == 0 && self.unclosed.count == 0 && self.unknown.count == 0
    }
}

/// A line with the lines that continue it.
struct Logical<'a> {
    number: usize,
    /// The first line, without the blanks around it.
    first: &'a str,
    /// The first line with all lines that continue it.
    whole: &'a str,
    after_blank_backslash: bool,
}

/// Returns the lines of `content` that are neither empty nor comments.
fn logical_lines(content: &str) -> impl Iterator<Item = Logical<'_>> {
    let mut end = 0;
    let mut lines = (1..).zip(content.split_inclusive('\n').map(move |line| {
        end += line.len();
        (line, end)
    }));
    let mut ends_with_blanks = false;
    std::iter::from_fn(move || {
        loop {
            let (number, (line, mut end)) = lines.next()?;
            let first = line.trim_start_matches('\u{feff}').trim_matches(is_blank);
            if first.is_empty() || is_comment(first) {
                continue;
            }
            let start = end - line.len();
            let mut last = line;
            while is_continued(last)
                && let Some((_, (line, line_end))) = lines.next()
            {
                end = line_end;
                // A comment between continued lines is skipped.
                last = if is_comment(line) { last } else { line };
            }
            let after_blank_backslash = std::mem::replace(&mut ends_with_blanks, is_continued_but_for_blanks(last));
            return Some(Logical { number, first, whole: &content[start..end], after_blank_backslash });
        }
    })
}

/// Joins the continued lines of a value with blanks, and removes the comments between them.
fn joined(value: &str) -> Cow<'_, str> {
    if !value.contains('\n') {
        return Cow::Borrowed(value);
    }
    let mut out = String::with_capacity(value.len());
    for (at, line) in value.split_inclusive('\n').enumerate() {
        if at > 0 && is_comment(line) {
            continue;
        }
        let text = line.trim_end_matches(['\n', '\r']);
        out.push_str(if is_continued(line) { text.strip_suffix('\\').unwrap_or(text) } else { text });
        out.push(' ');
    }
    Cow::Owned(out.trim().to_owned())
}

/// Returns true for blanks, and for the backslash of a continued line, which is replaced by a blank.
const fn is_no_text(c: char) -> bool {
    is_blank(c) || c == '\\'
}

const fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

fn is_comment(line: &str) -> bool {
    line.trim_start_matches(is_blank).starts_with(['#', ';'])
}

/// Returns true if a line ends with an unescaped backslash.
fn is_continued(line: &str) -> bool {
    let line = line.trim_end_matches(['\n', '\r']);
    (line.len() - line.trim_end_matches('\\').len()) % 2 == 1
}

/// Returns true if only the blanks after its backslash prevent the line from being continued.
fn is_continued_but_for_blanks(line: &str) -> bool {
    !is_continued(line) && is_continued(line.trim_end_matches(is_blank))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(content: &str) -> Survey<'_> {
        survey(content, Sections::of("a.service"))
    }

    fn values<'a>(found: &'a Survey<'_>) -> Vec<&'a str> {
        found.settings.iter().map(|setting| &*setting.value).collect()
    }

    fn at(first: usize, count: usize) -> UnitLines {
        UnitLines { first, count }
    }

    #[test]
    fn a_unit_as_it_should_be_is_clean() {
        let content = "\u{feff}# a comment\n; another\n\n[Unit]\nDescription=a b\n\n  [Service]  \r\n\tExecStart = /bin/a \\\n\
                       # in the midst = of it\n  -b \\\n[c]\n\n[X-Mine]\nanything at all\n[Install]\nWantedBy=a.target";
        let found = service(content);
        assert!(found.is_clean(), "{found:?}");
        assert!(found.effects.install);
        assert_eq!(values(&found), ["/bin/a    -b  [c]", "a.target"]);
        assert!(service("").is_clean() && service("\n# x").is_clean());
    }

    #[test]
    fn lines_that_are_ignored_are_found() {
        let found = service("ExecStart=/bin/a\nx\n[Service]\nno assignment\n=x\n[Unit]\nA=b\n");
        assert_eq!((found.outside, found.odd), (at(1, 2), at(4, 2)));
        assert!(values(&found).is_empty(), "what is outside does nothing");
    }

    #[test]
    fn a_backslash_before_blanks_continues_nothing() {
        let found = service("[Service]\nExecStart=/bin/a \\ \n# comment\n  --b\n  --c\n");
        assert_eq!((found.odd, found.broken_continuation), (at(4, 2), true));
        let found = service("[Service]\nExecStart=/bin/a \\\\\n  --b\n");
        assert_eq!((found.odd, found.broken_continuation), (at(3, 1), false), "an escaped one does not either");
        let found = service("[Service]\nExecStart \\\n = /bin/a\n");
        assert!(found.is_clean(), "the assignment may be on the next line");
        assert_eq!(values(&found), ["/bin/a"]);
    }

    #[test]
    fn sections_that_nobody_knows_are_ignored() {
        let found = service("[service]\nExecStart=/bin/a\nnonsense\n[Timer]\n[Unit]\n");
        assert_eq!((found.unknown, found.unknown_name), (at(1, 2), "service"));
        assert_eq!((found.odd.count, found.settings.len()), (0, 0));
        assert_eq!(service("[Service\n[Unit] # x\n").unclosed, at(1, 2));
        assert!(survey("[anything]\nA=b\n", None).is_clean());
    }

    #[test]
    fn what_makes_a_unit_do_something() {
        for (content, installs) in [
            ("[Install]\nWantedBy=\n", false),
            ("[Install]\nDefaultInstance=a\n", false),
            ("[Install]\nAlso=b.service\n", true),
        ] {
            assert_eq!(service(content).effects.install, installs, "{content}");
        }
        let mount = Sections::of("a.mount");
        assert_eq!(survey("[Mount]\nWhere=/a\n", mount).place, Some("/a"));
        assert_eq!(survey("[Mount]\nWhere=/a\nWhere=\n", mount).place, None);
        assert!(service(".include /usr/lib/systemd/system/a.service\n").effects.include);
    }
}
