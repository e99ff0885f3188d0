//! The option tables of `coreos`: update, locksmith, etcd, fleet and flannel.

use std::path::Path;

use super::Converter;
use super::addresses::AT_BOOT;
use super::files::ENVIRONMENTS;
use super::model::Variant;
use crate::config::CoreOs;
use crate::config::options::{OptionValue, Options, Service};
use crate::diagnostic::Span;
use crate::plan::text_files::{etc_hosts, set_variables};
use crate::plan::{FileSpec, UNIT_ENVIRONMENTS};
use crate::run_plan::PartPlan;
use crate::text::secret::redact_url;
use crate::yaml::Field;

/// The unit of Flatcar that runs etcd.
pub(super) const ETCD: &str = "etcd-member.service";

/// Options of etcd 0.4 and 2 that etcd 3.5 does not know, apart from those that begin with `proxy`.
const UNKNOWN_TO_ETCD: [&str; 29] = [
    "addr",
    "bind_addr",
    "ca_file",
    "cluster_active_size",
    "cluster_remove_delay",
    "cluster_sync_interval",
    "debug",
    "graphite_host",
    "http_read_timeout",
    "http_write_timeout",
    "log_package_levels",
    "max_result_buffer",
    "max_retry_attempts",
    "peer_addr",
    "peer_bind_addr",
    "peer_ca_file",
    "peer_cert_file",
    "peer_election_timeout",
    "peer_heartbeat_interval",
    "peer_key_file",
    "peers",
    "peers_file",
    "retry_interval",
    "snapshot",
    "trace",
    "verbose",
    "very_verbose",
    "very_very_verbose",
    "proxy",
];

/// The remedy for services that need the API of etcd 2.
const ETCD_2: &str =
    "add `Environment=ETCD_ENABLE_V2=true` to a drop-in of etcd-member.service, for the v2 API of etcd";

/// The settings of updates, by both of their paths; the first is the directory, the second a link to it.
pub(super) const UPDATE_CONFS: [&str; 2] = ["/etc/flatcar/update.conf", "/etc/coreos/update.conf"];

/// The places of the sections whose files a plan writes.
struct Section<'c> {
    name: &'static str,
    unit: &'static str,
    span: Option<Span>,
    coreos: &'c CoreOs,
}

impl Converter<'_> {
    /// Takes a file of a section of `coreos`. Returns false for any other file.
    pub(super) fn section_file(&mut self, file: &FileSpec, path: &str, span: Option<Span>) -> bool {
        let Some(config) = self.cloud_config() else { return false };
        let coreos = &config.coreos;
        if span.is_none() {
            return false;
        }
        if path == "/etc/hosts" && span == config.manage_etc_hosts.span {
            self.hosts(file, span);
            return true;
        }
        if path == "/etc/coreos/update.conf" && span == coreos.update.span {
            self.update(file, coreos, span);
            return true;
        }
        if path == "/etc/oem-release" && span == coreos.oem.span {
            let fact = "the configuration of an OEM belongs in the image: in `base.ign`, or in a system extension";
            self.note(span, "coreos.oem", fact);
        }
        if path == "/run/flannel/options.env" && span == coreos.flannel.span {
            return self.flannel(file, path, span);
        }
        let sections = [
            ("etcd", "etcd.service", coreos.etcd.span),
            ("etcd2", "etcd2.service", coreos.etcd2.span),
            ("fleet", "fleet.service", coreos.fleet.span),
            ("locksmith", "locksmithd.service", coreos.locksmith.span),
        ];
        for (name, unit, section_span) in sections {
            let drop_in = format!("/run/systemd/system/{unit}.d/20-cloudinit.conf");
            let environment = format!("{UNIT_ENVIRONMENTS}/{unit}");
            if section_span != span || (path != drop_in && path != environment) {
                continue;
            }
            let section = Section { name, unit, span, coreos };
            return self.service_file(&section, file, path == environment);
        }
        false
    }

    /// Takes the drop-in or the environment file of a service.
    fn service_file(&mut self, section: &Section<'_>, file: &FileSpec, is_environment: bool) -> bool {
        let Section { name, unit, span, coreos } = *section;
        let subject = format!("coreos.{name}");
        // The drop-in is reported, its environment file goes with it.
        let lost = |converter: &mut Self, reason: &str, help: &str| {
            if !is_environment {
                converter.lost(span, &subject, reason, Some(help));
            }
            true
        };
        let variant = self.options.variant;
        let target = match name {
            "fleet" => return lost(self, "fleet was discontinued in 2018", "use plain units, or Kubernetes"),
            "locksmith" if variant == Variant::Fcos => {
                if !is_environment {
                    self.zincati_window(coreos, span);
                }
                return true;
            }
            "locksmith" => unit,
            // A configuration that brings its own etcd keeps it.
            _ if self.brings(unit) => unit,
            _ if variant == Variant::Fcos => {
                return lost(self, "Fedora CoreOS has no etcd", "run etcd in a container, from a unit of your own");
            }
            _ => ETCD,
        };
        if is_environment {
            // Its place says which unit reads it.
            return false;
        }
        let text = String::from_utf8_lossy(file.content.expose()).replace(UNIT_ENVIRONMENTS, ENVIRONMENTS);
        self.units.section_drop_in(target, &format!("20-cloud-config-{name}.conf"), text, (self.part, span));
        if target == ETCD {
            let difference =
                "its options go to etcd-member.service, which runs etcd 3.5 in a container with another data format";
            self.changed(span, &subject, difference, Some("move the data of an existing cluster with its own tools"));
            if name == "etcd" {
                self.unknown_options(&coreos.etcd);
            } else {
                self.unknown_options(&coreos.etcd2);
            }
        }
        true
    }

    /// Reports the options that etcd 3.5 does not know.
    fn unknown_options<S: Service>(&mut self, section: &Field<Options<S>>) {
        let Some(options) = section.get() else { return };
        for (option, field) in &options.set {
            let is_unset = field.get().is_none_or(OptionValue::is_unset);
            let is_unknown = UNKNOWN_TO_ETCD.contains(&option.name) || option.name.starts_with("proxy_");
            if !is_unset
                && is_unknown
                && (S::TABLE.section == "etcd" || !option.name.starts_with("peer_") || option.name == "peer_ca_file")
            {
                let subject = format!("coreos.{}.{}", S::TABLE.section, option.name);
                self.changed(field.span, &subject, "etcd 3.5 does not know the option and ignores it", None);
            }
        }
    }

    /// Returns true if nothing of the source offers the API of etcd 2.
    fn lacks_etcd_2(&self) -> bool {
        let sets_it = |part: &PartPlan| part.document.part.text.contains("ETCD_ENABLE_V2");
        !self.brings("etcd2.service") && !self.brings("etcd.service") && !self.plan.parts.iter().any(sets_it)
    }

    /// Lets flannel of the image read its options. Returns false if the file of options is converted, as any other file.
    fn flannel(&mut self, file: &FileSpec, path: &str, span: Option<Span>) -> bool {
        let subject = "coreos.flannel";
        let unit = "flanneld.service";
        if !self.brings(unit) {
            if self.options.variant == Variant::Fcos {
                let help = "run flannel in a container, from a unit of your own";
                self.lost(span, subject, "Fedora CoreOS has no flannel", Some(help));
                return true;
            }
            let help = self.lacks_etcd_2().then_some(ETCD_2);
            self.changed(span, subject, "flanneld.service runs flannel 0.14 in a container", help);
            // A drop-in of the source that names other files takes precedence.
            let drop_in = format!("[Service]\nEnvironmentFile={path}\n");
            self.units.section_drop_in(unit, "00-cloud-config-flannel.conf", drop_in, (self.part, span));
        }
        // Only a file with a secret is root's alone.
        self.has_secret |= file.mode == 0o600;
        false
    }

    fn hosts(&mut self, file: &FileSpec, span: Option<Span>) {
        let subject = "manage_etc_hosts";
        let Some(hostname) = self.hostname.clone() else {
            // The plan merges a file that the part writes.
            let written = self.cloud_config().into_iter().flat_map(|config| &config.write_files);
            let written = written
                .filter(|file| file.get().is_some_and(|file| file.path.text().trim_start_matches('/') == "etc/hosts"));
            for file in written {
                self.lost(file.span, "file /etc/hosts", "manage_etc_hosts adds to it and is not converted", None);
            }
            let help = "the image resolves the name of the machine without the file (nss-myhostname)";
            return self.lost(span, subject, "the result has no host name", Some(help));
        };
        let path = "/etc/hosts";
        // The plan adds to a file of the same part, which may have tokens.
        let text = std::str::from_utf8(file.content.expose()).ok().filter(|text| self.stand_ins.is_in(text));
        if text.is_none() && self.addresses.writes(path) {
            return self.lost(span, subject, "an earlier part writes the file with an address token", None);
        }
        let note = self.changed(span, subject, "written once; later changes of the host name are not applied", None);
        if let Some(text) = text {
            let note = self.generated(span, subject, AT_BOOT, None);
            return self.template(path, text, file.mode, &file.owner, note);
        }
        // The file of an earlier part is kept, too.
        let written = self.files.get(path).map(|file| (etc_hosts(file.contents.expose(), &hostname), file.mode));
        let (text, mode) = written.unwrap_or_else(|| (file.content.expose().clone(), file.mode));
        self.plain_file(Path::new(path), text, file.mode & mode, vec![note]);
    }

    /// Returns true if something about `unit` comes from `coreos.update`: its file says all of it.
    pub(super) fn is_of_update(&self, unit: &str, span: Option<Span>) -> bool {
        let Some(update) = self.cloud_config().and_then(|config| config.coreos.update.get()) else { return false };
        let spans = [update.reboot_strategy.span, update.group.span, update.server.span];
        span.is_some() && spans.contains(&span) && matches!(unit, "locksmithd.service" | "update-engine.service")
    }

    fn update(&mut self, file: &FileSpec, coreos: &CoreOs, span: Option<Span>) {
        if self.options.variant == Variant::Fcos {
            return self.zincati(coreos, span);
        }
        let subject = "coreos.update";
        let text = String::from_utf8_lossy(file.content.expose()).into_owned();
        let Some(update) = coreos.update.get() else { return };
        let [path, _] = UPDATE_CONFS;
        if self.stand_ins.is_in(&text) || self.addresses.writes(path) {
            return self.lost(span, subject, "update.conf contains an address token", None);
        }
        // The section sets its lines in the file that the source writes.
        let written = self.files.get(path).map(|file| (file.contents.expose().clone(), file.mode));
        if written.is_some() && std::mem::take(&mut self.files.has_flatcar_update) {
            let difference = "an earlier item writes update.conf, too; the section sets its lines in it, where a run replaces the file";
            self.changed(span, subject, difference, None);
        } else if written.is_some() {
            self.note(
                span,
                subject,
                "an earlier item writes update.conf, too; the section sets its lines in it, as in a run",
            );
        }
        let (written, mode) = written.unwrap_or((Vec::new(), file.mode));
        let text = String::from_utf8_lossy(&merged_update(&written, &text)).into_owned();
        let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
        let is_gone = is_of_coreos_inc;
        self.has_secret |= redact_url(update.server.text()) != update.server.text();
        if is_gone(update.server.text()) {
            lines.retain(|line| !line.starts_with("SERVER="));
            let help = "without `server`, the machine asks the update server of Flatcar";
            self.lost(
                update.server.span,
                "coreos.update.server",
                "the update server of CoreOS Inc. no longer exists",
                Some(help),
            );
        }
        let has_own_server = update.server.filled().is_some() && !is_gone(update.server.text());
        if is_uuid(update.group.text()) && !has_own_server {
            lines.retain(|line| !line.starts_with("GROUP="));
            let help = "write a group of Flatcar: stable, beta, alpha or lts";
            self.lost(
                update.group.span,
                "coreos.update.group",
                "it is a group of an update server that no longer exists",
                Some(help),
            );
        }
        if lines.is_empty() {
            self.files.remove(path);
            return;
        }
        if update.reboot_strategy.text() == "etcd-lock" && self.lacks_etcd_2() {
            let difference = "locksmith needs the v2 API of etcd, which etcd 3.5 does not have by default";
            self.changed(update.reboot_strategy.span, "coreos.update.reboot_strategy", difference, Some(ETCD_2));
        }
        let difference = "written once, to /etc/flatcar/update.conf; later changes of the source have no effect";
        let note = self.changed(span, subject, difference, None);
        let text: String = lines.concat();
        self.plain_file(Path::new(path), text.into_bytes(), file.mode & mode, vec![note]);
    }

    /// The strategy of updates for Zincati, the update agent of Fedora CoreOS.
    fn zincati(&mut self, coreos: &CoreOs, span: Option<Span>) {
        let Some(update) = coreos.update.get() else { return };
        let help = "Fedora CoreOS has streams: stable, testing and next; `rpm-ostree rebase` changes the stream";
        for (key, field) in [("group", &update.group), ("server", &update.server)] {
            if field.filled().is_some() {
                self.lost(field.span, &format!("coreos.update.{key}"), "Zincati has no such setting", Some(help));
            }
        }
        let text = match update.reboot_strategy.text() {
            "" => return,
            "off" | "false" => "[updates]\nenabled = false\n",
            "reboot" if zincati_window(coreos).is_some() => {
                let difference = "the window of coreos.locksmith is used as the strategy of Zincati";
                self.changed(update.reboot_strategy.span, "coreos.update.reboot_strategy", difference, None);
                return;
            }
            "reboot" => "[updates]\nstrategy = \"immediate\"\n",
            _ => {
                let help = "Zincati takes locks from a FleetLock server: set `updates.fleet_lock.base_url`";
                let span = update.reboot_strategy.span;
                return self.lost(
                    span,
                    "coreos.update.reboot_strategy",
                    "locks in etcd are a feature of locksmith",
                    Some(help),
                );
            }
        };
        if self.has_zincati(span, "coreos.update") {
            return;
        }
        let note = self.changed(span, "coreos.update", "written once, as a setting of Zincati", None);
        self.plain_file(Path::new(ZINCATI), text.as_bytes().to_vec(), 0o644, vec![note]);
    }

    /// Returns true if the source already writes the settings of Zincati, and reports that.
    fn has_zincati(&mut self, span: Option<Span>, subject: &str) -> bool {
        let is_written = self.files.contains(ZINCATI);
        if is_written {
            self.lost(span, subject, &format!("an earlier item writes {ZINCATI}, too"), None);
        }
        is_written
    }

    /// The reboot window of locksmith for Zincati.
    fn zincati_window(&mut self, coreos: &CoreOs, span: Option<Span>) {
        let subject = "coreos.locksmith";
        let Some(options) = coreos.locksmith.get() else { return };
        let others = options.set.iter().filter(|(option, _)| !option.name.starts_with("window_"));
        for (option, field) in others {
            let subject = format!("{subject}.{}", option.name);
            self.lost(field.span, &subject, "Zincati has no such setting", None);
        }
        let is_off = coreos.update.get().is_some_and(|update| matches!(update.reboot_strategy.text(), "off" | "false"));
        if zincati_window(coreos).is_some() && is_off {
            self.changed(span, subject, "window ignored, since updates are off", None);
        } else if let Some(text) = zincati_window(coreos) {
            if self.has_zincati(span, subject) {
                return;
            }
            let note = self.changed(span, subject, "written once, as a window of Zincati, in UTC", None);
            self.plain_file(Path::new(ZINCATI), text.into_bytes(), 0o644, vec![note]);
        } else if window_option(coreos, "window_start").or(window_option(coreos, "window_length")).is_some() {
            let help = "Zincati needs the start and the length of a window";
            self.lost(span, subject, "the window is incomplete or invalid", Some(help));
        }
    }
}

/// The settings of the update agent of Fedora CoreOS.
const ZINCATI: &str = "/etc/zincati/config.d/55-cloud-config.toml";

fn window_option<'c>(coreos: &'c CoreOs, name: &str) -> Option<&'c str> {
    let options = coreos.locksmith.get()?;
    match options.set.iter().find(|(option, _)| option.name == name)?.1.get()? {
        OptionValue::Text(text) if !text.is_empty() => Some(text.as_str()),
        _ => None,
    }
}

/// The settings of Zincati for the window of locksmith, if that is complete.
fn zincati_window(coreos: &CoreOs) -> Option<String> {
    window(window_option(coreos, "window_start")?, window_option(coreos, "window_length")?)
}

/// The settings of a window: `Thu 04:00` and `1h30m`, or nothing if one of them is invalid.
fn window(start: &str, length: &str) -> Option<String> {
    const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    const WEEK: u64 = 7 * 24 * 60;
    let shown = |day: &str| format!("\"{}{}\"", day[..1].to_uppercase(), &day[1..3]);
    let (days, time) = match start.trim().split_once(' ') {
        Some((day, time)) => {
            let day = day.to_ascii_lowercase();
            (shown(DAYS.iter().find(|known| **known == day || known[..3] == day)?), time.trim())
        }
        None => (DAYS.map(shown).join(", "), start.trim()),
    };
    let (hour, minute) = time.split_once(':')?;
    let number = |text: &str| text.parse::<u64>().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
    let hour = number(hour).filter(|hour| *hour < 24)?;
    let minute = number(minute).filter(|number| *number < 60 && minute.len() == 2)?;
    let minutes = minutes(length).filter(|minutes| (1..=WEEK).contains(minutes))?;
    Some(format!(
        "[updates]\nstrategy = \"periodic\"\n\n[[updates.periodic.window]]\ndays = [{days}]\n\
         start_time = \"{hour:02}:{minute:02}\"\nlength_minutes = {minutes}\n"
    ))
}

/// The minutes of a duration as Go writes it.
fn minutes(text: &str) -> Option<u64> {
    let (mut seconds, mut number) = (0_u64, String::new());
    for c in text.trim().chars() {
        match c {
            '0'..='9' => number.push(c),
            'h' | 'm' | 's' => {
                let factor = [('h', 3600), ('m', 60), ('s', 1)].iter().find(|(unit, _)| *unit == c)?.1;
                seconds = seconds.checked_add(number.parse::<u64>().ok()?.checked_mul(factor)?)?;
                number.clear();
            }
            _ => return None,
        }
    }
    number.is_empty().then_some(seconds / 60)
}

/// Sets the lines of `section` in `written`.
fn merged_update(written: &[u8], section: &str) -> Vec<u8> {
    let lines = section.lines().filter_map(|line| line.split_once('='));
    let settings = lines.filter(|(key, _)| ["GROUP", "REBOOT_STRATEGY", "SERVER"].contains(key));
    set_variables(written, &settings.map(|(key, value)| (key, value.to_owned())).collect())
}

/// Returns true for the URL of a server of `CoreOS` Inc.
fn is_of_coreos_inc(url: &str) -> bool {
    let (_, rest) = url.split_once("://").unwrap_or(("", url));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (_, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    let host = host.split(':').next().unwrap_or_default().trim_end_matches('.').to_ascii_lowercase();
    host == "core-os.net" || host.ends_with(".core-os.net")
}

/// Returns true for a group as `CoreOS` Inc. gave it out to customers.
fn is_uuid(text: &str) -> bool {
    let groups: Vec<_> = text.trim_matches(['{', '}']).split('-').collect();
    let lengths: Vec<_> = groups.iter().map(|group| group.len()).collect();
    lengths == [8, 4, 4, 4, 12] && groups.concat().bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::{is_of_coreos_inc, window};

    #[test]
    fn a_window_has_a_day_and_a_time() {
        let text = |start, length| window(start, length).unwrap_or_default();
        assert!(text("Thu 4:00", "1h30m").contains("days = [\"Thu\"]\nstart_time = \"04:00\"\nlength_minutes = 90\n"));
        assert!(text("thursday 23:59", "1h").contains("days = [\"Thu\"]"));
        assert!(text("0:00", "168h").contains("\"Sat\", \"Sun\"]\nstart_time = \"00:00\""));
        for start in ["", "x", "4", "25:00", "24:00", "04:60", "4:0", "+4:00", ":", "Monkey 04:00", "Thu", "Thu x"] {
            assert_eq!(window(start, "1h"), None, "{start}");
        }
        for length in ["", "0h", "x", "169h", "30s"] {
            assert_eq!(window("04:00", length), None, "{length}");
        }
    }

    #[test]
    fn servers_of_coreos_inc_are_known_by_their_host() {
        for url in [
            "https://public.update.core-os.net/v1/update/",
            "http://u:p@core-os.net",
            "https://PUBLIC.update.core-os.net.:443?a",
        ] {
            assert!(is_of_coreos_inc(url), "{url}");
        }
        for url in [
            "",
            "https://core-os.net.example.com/v1/",
            "https://not-core-os.net/",
            "https://updates.example.com/core-os.net",
            "https://core-os.net@updates.example.com/",
        ] {
            assert!(!is_of_coreos_inc(url), "{url}");
        }
    }
}
