//! `cloud-config-addresses.service`: at each boot it writes the addresses of the machine into the files that need them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use super::model::{self, Variant};
use super::pending::Origin;
use super::{Converter, PLATFORMS, Platform, image, platform, quote};
use crate::address_tokens::Address;
use crate::plan::{Owner, Principal};
use crate::text::secret::Secret;

/// The name of the service.
pub(super) const UNIT: &str = "cloud-config-addresses.service";
/// The file with the addresses, by the variables that `coreos-cloudinit` uses.
pub(super) const VARIABLES: &str = "/run/cloud-config/addresses.env";
/// The directory of the files that the service writes for units.
pub(super) const RUNTIME: &str = "/run/cloud-config";
/// The meaning of a template.
pub(super) const AT_BOOT: &str = "written at each boot by cloud-config-addresses.service, once the addresses are known";
const SCRIPT: &str = "/etc/cloud-config/addresses.sh";
/// The file for addresses that no agent knows.
const CUSTOM: &str = "/etc/cloud-config/addresses";
pub(super) const TEMPLATES: &str = "/etc/cloud-config/templates";

/// The tasks of the service.
#[derive(Default)]
pub(super) struct Helper {
    is_needed: bool,
    /// `/etc/environment` gets the addresses, too.
    merges_environment: bool,
    /// The files with addresses, by their paths.
    renders: BTreeMap<String, Render>,
    /// The addresses that something else of the source needs.
    used: BTreeSet<Address>,
    /// The place of the item that is converted.
    pub origin: Origin,
    /// The items that need an address for something else than a file, by the address.
    places: BTreeMap<Address, Vec<Origin>>,
}

/// A file with addresses.
struct Render {
    /// The call of the shell function that writes it.
    call: String,
    /// The addresses that it needs.
    kinds: Vec<Address>,
    origin: Origin,
}

impl Helper {
    /// The service is needed for the variables of these addresses.
    pub fn need(&mut self, kinds: impl IntoIterator<Item = Address>) {
        self.is_needed = true;
        for kind in kinds {
            self.used.insert(kind);
            self.places.entry(kind).or_default().push(self.origin);
        }
    }

    /// The items that need the address.
    fn places(&self, kind: Address) -> Vec<Origin> {
        let files = self.renders.values().filter(|render| render.kinds.contains(&kind));
        files.map(|render| render.origin).chain(self.places.get(&kind).into_iter().flatten().copied()).collect()
    }

    /// `text` reads addresses from `/etc/environment`.
    pub fn merge_environment(&mut self, text: &str) {
        self.merges_environment = true;
        self.need(Address::ALL.into_iter().filter(|kind| text.contains(kind.variable())));
    }

    /// Returns true if the service writes the file.
    pub fn writes(&self, path: &str) -> bool {
        self.renders.contains_key(path)
    }

    /// Returns true if a word of `text` is the path of a file that the service writes.
    pub fn is_named_in(&self, text: &str) -> bool {
        if self.renders.is_empty() {
            return false;
        }
        let words = text.split(|c: char| c.is_whitespace() || "\"'`=:,;|&<>()[]{}$".contains(c));
        words.filter_map(|word| word.find('/').map(|at| &word[at..])).any(|path| self.writes(path))
    }
}

impl Converter<'_> {
    /// Adds a file that the service writes from `text`, which has stand-ins.
    pub(super) fn template(&mut self, target: &str, text: &str, mode: u32, owner: &Owner, note: String) {
        let source = format!("{TEMPLATES}{target}");
        let kinds: Vec<_> = self.stand_ins.kinds(text).collect();
        let text = self.stand_ins.replace(text, |kind| self.placeholder(kind));
        let user = owner.user.as_ref().map_or_else(|| "root".to_owned(), Principal::to_string);
        let owner = match &owner.group {
            Some(group) => format!("{user}:{group}"),
            None if owner.login_group => format!("{user}:"),
            None => format!("{user}:root"),
        };
        let words = [source.as_str(), target, &format!("{mode:04o}"), &owner];
        let call = words.into_iter().fold("render".to_owned(), |call, word| call + " " + &quote::shell(word));
        let origin = self.addresses.origin;
        self.addresses.renders.insert(target.to_owned(), Render { call, kinds, origin });
        self.plain_file(Path::new(&source), text.into_bytes(), 0o600, vec![note]);
    }

    /// Returns true if users other than root can change a directory of the path. A link there could lead root elsewhere.
    pub(super) fn has_other_writers(&self, path: &str) -> bool {
        const SHARED: [&str; 5] = ["/home", "/var/home", "/tmp", "/var/tmp", "/dev/shm"];
        SHARED.iter().any(|directory| image::is_below(path, directory)) || self.users.has_home_above(path)
    }

    /// Removes the template of a file, and returns true if there was one.
    pub(super) fn forget_template(&mut self, target: &str) -> bool {
        self.addresses.renders.remove(target).is_some() && self.files.remove(&format!("{TEMPLATES}{target}"))
    }

    /// The mark of an address in a template.
    fn placeholder(&self, kind: Address) -> String {
        format!("@{}{}@", kind.variable(), self.stand_ins.placeholder_suffix())
    }

    /// The name of the variable with an address in a command line, and true if it is one of the platform's agent.
    pub(super) fn variable(&self, kind: Address) -> (String, bool) {
        let of_platform = self.options.platform.filter(|platform| platform.has_agent());
        let of_platform = of_platform.and_then(|platform| platform.variable(self.options.variant, kind));
        of_platform.map_or_else(|| (kind.variable().to_owned(), false), |name| (name, true))
    }

    /// Writes the service and its script, if something needs them.
    pub(super) fn finish_addresses(&mut self) {
        if !self.addresses.is_needed && self.addresses.renders.is_empty() {
            return;
        }
        self.report_missing_addresses();
        let variant = self.options.variant;
        let (agent, variables) = platform::agent(variant);
        let script = self.addresses_script();
        let note = "Writes the addresses of this machine into the files that need them.".to_owned();
        self.plain_file(Path::new(SCRIPT), script.into_bytes(), 0o755, vec![note]);
        let contents = format!(
            "[Unit]\nDescription=Addresses of this machine for files and units\nWants=network-online.target {agent}\n\
             After=network-online.target {agent}\n\n[Service]\nType=oneshot\nRemainAfterExit=yes\nEnvironmentFile=-{variables}\n\
             EnvironmentFile=-{CUSTOM}\nExecStart=/bin/sh {SCRIPT}\n\n[Install]\nWantedBy=multi-user.target\n"
        );
        self.units.generated.push(model::Unit {
            name: UNIT.to_owned(),
            enabled: true,
            contents: Some(Secret::new(contents)),
            notes: vec![format!(
                "Gets the addresses from {agent}. On a platform that it does not know, set them in {CUSTOM}, one \
                 line such as COREOS_PRIVATE_IPV4=10.0.0.1 each."
            )],
            ..model::Unit::default()
        });
    }

    /// The addresses that the service writes.
    fn used_addresses(&self) -> BTreeSet<Address> {
        let of_files = self.addresses.renders.values().flat_map(|render| &render.kinds);
        self.addresses.used.iter().chain(of_files).copied().collect()
    }

    /// Reports the addresses that the platform does not provide.
    fn report_missing_addresses(&mut self) {
        let Some(platform) = self.options.platform else { return };
        for kind in self.used_addresses() {
            if platform.has_agent() && platform.variable(self.options.variant, kind).is_some() {
                continue;
            }
            let subject = format!("${}", kind.token());
            let difference =
                format!("the image does not get the address from {}; empty until it is set", platform.name);
            let help = format!("add a line `{}=ADDRESS` to {CUSTOM}", kind.variable());
            for (part, span) in self.addresses.places(kind) {
                self.part = part;
                self.changed(span, &subject, &difference, Some(&help));
            }
        }
        self.part = None;
    }

    fn addresses_script(&self) -> String {
        let mut script =
            "#!/bin/sh\n# The first variable that is set has the address.\nset -eu\numask 077\nstatus=0\n\n".to_owned();
        for kind in Address::ALL {
            let name = kind.variable();
            let known = variables(self.options.platform, self.options.variant, kind);
            // Writing to a string cannot fail.
            let _ = writeln!(script, ": \"${{{name}:=}}\"");
            for variable in known {
                let _ = writeln!(script, ": \"${{{name}:=${{{variable}:-}}}}\"");
            }
        }
        script.push_str("\n(umask 022 && mkdir -p /run/cloud-config)\n{\n");
        for kind in Address::ALL {
            let name = kind.variable();
            let _ = writeln!(script, "  echo \"{name}=${name}\"");
        }
        let _ = write!(script, "}} > {VARIABLES}.new\nchmod 0644 {VARIABLES}.new\nmv -f {VARIABLES}.new {VARIABLES}\n");
        for name in self.used_addresses().into_iter().map(Address::variable) {
            let _ = writeln!(
                script,
                "\n[ -n \"${name}\" ] ||\n  echo \"<4>{name}: unknown address; empty in files and units (set it in {CUSTOM})\" >&2"
            );
        }
        if self.addresses.merges_environment {
            script.push_str(MERGE);
        }
        if !self.addresses.renders.is_empty() {
            script.push_str(RENDER);
            for kind in Address::ALL {
                let _ = write!(script, " \\\n        -e \"s|{}|${}|g\"", self.placeholder(kind), kind.variable());
            }
            script.push_str(RENDERED);
            for render in self.addresses.renders.values() {
                script.extend([render.call.as_str(), "\n"]);
            }
        }
        script.push_str("\nexit \"$status\"\n");
        script
    }
}

/// The variables of metadata agents that may have an address.
fn variables(platform: Option<&Platform>, variant: Variant, kind: Address) -> Vec<String> {
    let platforms = PLATFORMS.iter().filter(|known| platform.is_none_or(|platform| platform == *known));
    let mut names = Vec::new();
    for name in platforms.filter_map(|platform| platform.variable(variant, kind)) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// The function that writes a file, up to the replacements. One that fails does not prevent the others.
const RENDER: &str = r#"
# Fails if a user other than root can change a directory of PATH.
is_safe() {
  for path in "$1" "$(readlink -m -- "$1")"; do
    while path=${path%/*} && [ -n "$path" ]; do
      [ ! -e "$path" ] ||
        [ -z "$(find "$path" -prune '(' ! -user root -o ! -type l -perm /022 ')')" ] ||
        return 1
    done
  done
}

# render TEMPLATE FILE MODE OWNER
render() {
  if is_safe "$2"; then
    (umask 022 && mkdir -p "${2%/*}") &&
      sed"#;
/// The rest of the function.
const RENDERED: &str = r#" \
        "$1" > "$2.new" &&
      chown "$4" "$2.new" &&
      chmod "$3" "$2.new" &&
      mv -fT "$2.new" "$2" &&
      return
    rm -f "$2.new"
  fi
  echo "<3>$2: not written" >&2
  status=1
}

"#;

/// Replaces the known addresses in `/etc/environment` and keeps the other lines.
const MERGE: &str = r"
[ -e /etc/environment ] || install -m 0644 /dev/null /etc/environment
sed -n 's/^\(.*=\)..*/^\1/p' /run/cloud-config/addresses.env > /run/cloud-config/known
{
  grep -v -f /run/cloud-config/known /etc/environment || true
  grep -f /run/cloud-config/known /run/cloud-config/addresses.env || true
} > /etc/environment.new
chmod --reference=/etc/environment /etc/environment.new
mv -f /etc/environment.new /etc/environment
";
