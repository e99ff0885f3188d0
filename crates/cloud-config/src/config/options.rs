//! The option tables of the services of CoreOS (docs/cloud-config.md#options-of-services).
//!
//! Each service has one table. A row has the name of an option, its type and its environment variable. The types
//! `Etcd`, `Fleet` … only stand for their tables.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::text::secret::REDACTED;
use crate::yaml::Field;

/// The types of options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptionType {
    /// Text as written.
    Text,
    /// An integer.
    Int,
    /// A number.
    Float,
    /// A boolean.
    Bool,
}

/// The values that an option is known to accept. Another value is also written, with a warning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KnownValues {
    /// One of these words.
    Words(&'static [&'static str]),
    /// An optional day of the week, and a time: `Thu 04:00`.
    WindowStart,
    /// A duration in the format of Go: `1h30m`.
    Duration,
}

/// One option of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceOption {
    /// The name in the configuration, spelled with `_`.
    pub name: &'static str,
    /// The type.
    pub kind: OptionType,
    /// The environment variable, if it is not the prefix and the name in capitals.
    pub variable: Option<&'static str>,
    /// The reason why the option is deprecated.
    pub deprecated: Option<&'static str>,
    /// True if the value goes to a file that only root can read.
    pub secret: bool,
    /// True if `--print-config` redacts the value, because it lets a machine join a cluster.
    pub redacted: bool,
    /// The known values.
    pub known: Option<KnownValues>,
}

impl ServiceOption {
    const fn new(name: &'static str, kind: OptionType) -> Self {
        Self { name, kind, variable: None, deprecated: None, secret: false, redacted: false, known: None }
    }

    const fn variable(mut self, variable: &'static str) -> Self {
        self.variable = Some(variable);
        self
    }

    const fn deprecated(mut self, reason: &'static str) -> Self {
        self.deprecated = Some(reason);
        self
    }

    /// Returns true if the service itself has the option.
    pub fn works(&self) -> bool {
        self.deprecated != Some(FOR_ETCD2)
    }

    const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    const fn redacted(mut self) -> Self {
        self.redacted = true;
        self
    }

    const fn known(mut self, known: KnownValues) -> Self {
        self.known = Some(known);
        self
    }
}

const fn text(name: &'static str) -> ServiceOption {
    ServiceOption::new(name, OptionType::Text)
}

const fn int(name: &'static str) -> ServiceOption {
    ServiceOption::new(name, OptionType::Int)
}

const fn float(name: &'static str) -> ServiceOption {
    ServiceOption::new(name, OptionType::Float)
}

const fn boolean(name: &'static str) -> ServiceOption {
    ServiceOption::new(name, OptionType::Bool)
}

/// The option table of a service.
#[derive(Debug)]
pub struct Table {
    /// The key under `coreos`.
    pub section: &'static str,
    /// The prefix of the environment variables, such as `ETCD_`.
    pub prefix: &'static str,
    /// The reason why the whole section is deprecated.
    pub deprecated: Option<&'static str>,
    /// The options, in the order in which they are written.
    pub options: &'static [ServiceOption],
}

impl Table {
    /// Returns the environment variable of an option of this table.
    pub fn variable(&self, option: &ServiceOption) -> String {
        option.variable.map_or_else(|| format!("{}{}", self.prefix, option.name.to_ascii_uppercase()), str::to_owned)
    }
}

/// A service with options.
pub trait Service {
    /// The option table of the service.
    const TABLE: &'static Table;
    /// The names of the options, which are the keys of the section.
    const NAMES: &'static [&'static str];
}

const fn names<const N: usize>(options: &[ServiceOption]) -> [&'static str; N] {
    let mut names = [""; N];
    let mut at = 0;
    while at < N {
        names[at] = options[at].name;
        at += 1;
    }
    names
}

macro_rules! services {
    ($($(#[$doc:meta])* $name:ident = $table:expr;)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug)]
            pub struct $name;

            impl Service for $name {
                const TABLE: &'static Table = &$table;
                const NAMES: &'static [&'static str] =
                    &names::<{ <Self as Service>::TABLE.options.len() }>(Self::TABLE.options);
            }
        )*
        /// The option tables of all services.
        pub static TABLES: &[&Table] = &[$($name::TABLE),*];
    };
}

const NOT_SHIPPED: Option<&str> = Some("no longer shipped in Container Linux");
const FOR_ETCD2: &str = "etcd2 options no longer work for etcd";
const NO_TLS_CA: &str = "ca_file and peer_ca_file are obsoleted by trusted_ca_file and client_cert_auth";

services! {
    /// etcd 0.4.
    Etcd = Table {
        section: "etcd",
        prefix: "ETCD_",
        deprecated: NOT_SHIPPED,
        options: &[
            text("addr"),
            text("advertise_client_urls").deprecated(FOR_ETCD2),
            text("bind_addr"),
            text("ca_file"),
            text("cert_file"),
            int("cluster_active_size"),
            float("cluster_remove_delay"),
            float("cluster_sync_interval"),
            text("cors"),
            text("data_dir"),
            text("discovery").redacted(),
            text("discovery_fallback").deprecated(FOR_ETCD2),
            text("discovery_srv").deprecated(FOR_ETCD2),
            text("discovery_proxy").deprecated(FOR_ETCD2),
            int("election_timeout").deprecated(FOR_ETCD2),
            boolean("force_new_cluster").deprecated(FOR_ETCD2),
            text("graphite_host"),
            int("heartbeat_interval").deprecated(FOR_ETCD2),
            float("http_read_timeout"),
            float("http_write_timeout"),
            text("initial_advertise_peer_urls").deprecated(FOR_ETCD2),
            text("initial_cluster").deprecated(FOR_ETCD2),
            text("initial_cluster_state").deprecated(FOR_ETCD2),
            text("initial_cluster_token").deprecated(FOR_ETCD2).redacted(),
            text("key_file").secret(),
            text("listen_client_urls").deprecated(FOR_ETCD2),
            text("listen_peer_urls").deprecated(FOR_ETCD2),
            int("max_result_buffer"),
            int("max_retry_attempts"),
            int("max_snapshots").deprecated(FOR_ETCD2),
            int("max_wals").deprecated(FOR_ETCD2),
            text("name"),
            text("peer_addr"),
            text("peer_bind_addr"),
            text("peer_ca_file"),
            text("peer_cert_file"),
            int("peer_election_timeout"),
            int("peer_heartbeat_interval"),
            text("peer_key_file").secret(),
            text("peers"),
            text("peers_file"),
            text("proxy").deprecated(FOR_ETCD2),
            float("retry_interval"),
            boolean("snapshot"),
            int("snapshot_count").variable("ETCD_SNAPSHOTCOUNT"),
            text("trace"),
            boolean("verbose"),
            boolean("very_verbose"),
            boolean("very_very_verbose"),
        ],
    };
    /// etcd 2.
    Etcd2 = Table {
        section: "etcd2",
        prefix: "ETCD_",
        deprecated: NOT_SHIPPED,
        options: &[
            text("advertise_client_urls"),
            text("ca_file").deprecated(NO_TLS_CA),
            text("cert_file"),
            boolean("client_cert_auth"),
            text("cors"),
            text("data_dir"),
            boolean("debug"),
            text("discovery").redacted(),
            text("discovery_fallback"),
            text("discovery_srv"),
            text("discovery_proxy"),
            int("election_timeout"),
            boolean("enable_pprof"),
            boolean("force_new_cluster"),
            int("heartbeat_interval"),
            text("initial_advertise_peer_urls"),
            text("initial_cluster"),
            text("initial_cluster_state"),
            text("initial_cluster_token").redacted(),
            text("key_file").secret(),
            text("listen_client_urls"),
            text("listen_peer_urls"),
            text("log_package_levels"),
            int("max_snapshots"),
            int("max_wals"),
            text("name"),
            text("peer_ca_file").deprecated(NO_TLS_CA),
            text("peer_cert_file"),
            text("peer_key_file").secret(),
            boolean("peer_client_cert_auth"),
            text("peer_trusted_ca_file"),
            text("proxy").known(KnownValues::Words(&["on", "off", "readonly"])),
            int("proxy_dial_timeout"),
            int("proxy_failure_wait"),
            int("proxy_read_timeout"),
            int("proxy_refresh_interval"),
            int("proxy_write_timeout"),
            int("snapshot_count"),
            boolean("strict_reconfig_check"),
            text("trusted_ca_file"),
            text("wal_dir"),
        ],
    };
    /// fleet.
    Fleet = Table {
        section: "fleet",
        prefix: "FLEET_",
        deprecated: NOT_SHIPPED,
        options: &[
            text("agent_ttl"),
            text("authorized_keys_file"),
            boolean("disable_engine"),
            float("engine_reconcile_interval"),
            text("etcd_cafile"),
            text("etcd_certfile"),
            text("etcd_keyfile").secret(),
            text("etcd_key_prefix"),
            float("etcd_request_timeout"),
            text("etcd_servers"),
            text("etcd_username"),
            text("etcd_password").secret(),
            text("metadata"),
            text("public_ip"),
            int("token_limit"),
            int("verbosity"),
            boolean("verify_units"),
        ],
    };
    /// locksmith.
    Locksmith = Table {
        section: "locksmith",
        prefix: "LOCKSMITHD_",
        deprecated: None,
        options: &[
            text("endpoint"),
            text("etcd_cafile"),
            text("etcd_certfile"),
            text("etcd_keyfile").secret(),
            text("etcd_username"),
            text("etcd_password").secret(),
            text("group"),
            text("window_start").variable("REBOOT_WINDOW_START").known(KnownValues::WindowStart),
            text("window_length").variable("REBOOT_WINDOW_LENGTH").known(KnownValues::Duration),
        ],
    };
    /// flannel.
    Flannel = Table {
        section: "flannel",
        prefix: "FLANNELD_",
        deprecated: None,
        options: &[
            text("etcd_endpoints"),
            text("etcd_cafile"),
            text("etcd_certfile"),
            text("etcd_keyfile").secret(),
            text("etcd_prefix"),
            text("etcd_username"),
            text("etcd_password").secret(),
            text("ip_masq"),
            text("subnet_file"),
            text("interface").variable("FLANNELD_IFACE"),
            text("public_ip"),
        ],
    };
}

/// The value of an option.
#[derive(Clone, PartialEq)]
pub enum OptionValue {
    /// A string.
    Text(String),
    /// An integer.
    Int(i64),
    /// A number.
    Float(f64),
    /// A boolean.
    Bool(bool),
}

impl OptionValue {
    /// Returns true for zero, false and empty values, which are treated like a missing option.
    pub fn is_unset(&self) -> bool {
        match self {
            Self::Text(text) => text.is_empty(),
            Self::Int(number) => *number == 0,
            Self::Float(number) => *number == 0.0,
            Self::Bool(value) => !value,
        }
    }
}

impl fmt::Debug for OptionValue {
    /// Omits the text, which may be a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => f.write_str(REDACTED),
            other => write!(f, "{other}"),
        }
    }
}

impl fmt::Display for OptionValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Int(number) => write!(f, "{number}"),
            Self::Float(number) => write!(f, "{number}"),
            Self::Bool(value) => write!(f, "{value}"),
        }
    }
}

/// The options of a service that the configuration sets.
pub struct Options<S> {
    /// The set options, in the order of the table, with their values.
    pub set: Vec<(&'static ServiceOption, Field<OptionValue>)>,
    service: PhantomData<S>,
}

impl<S> Default for Options<S> {
    fn default() -> Self {
        Self { set: Vec::new(), service: PhantomData }
    }
}

impl<S> fmt::Debug for Options<S> {
    /// Prints the names only, because some values are passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.set.iter().map(|(option, _)| option.name)).finish()
    }
}

impl<'de, S: Service> Deserialize<'de> for Options<S> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OptionsVisitor<S>(PhantomData<S>);

        impl<'de, S: Service> Visitor<'de> for OptionsVisitor<S> {
            type Value = Options<S>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a mapping of options")
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Options::default())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let options = S::TABLE.options;
                let mut set: Vec<Option<Field<OptionValue>>> = options.iter().map(|_| None).collect();
                while let Some(key) = map.next_key::<String>()? {
                    let Some(at) = options.iter().position(|option| option.name == key) else {
                        map.next_value::<IgnoredAny>()?;
                        continue;
                    };
                    set[at] = Some(match options[at].kind {
                        OptionType::Text => wrap(map.next_value()?, OptionValue::Text),
                        OptionType::Int => wrap(map.next_value()?, OptionValue::Int),
                        OptionType::Float => wrap(map.next_value()?, OptionValue::Float),
                        OptionType::Bool => wrap(map.next_value()?, OptionValue::Bool),
                    });
                }
                let set = options.iter().zip(set).filter_map(|(option, field)| Some((option, field?))).collect();
                Ok(Options { set, service: PhantomData })
            }
        }

        deserializer.deserialize_struct(S::TABLE.section, S::NAMES, OptionsVisitor(PhantomData))
    }
}

fn wrap<T>(field: Field<T>, value: impl FnOnce(T) -> OptionValue) -> Field<OptionValue> {
    Field { value: field.value.map(value), span: field.span, bad: field.bad }
}
