//! The keys in the sections of units, of systemd 252 and later, and the former names that systemd still reads.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use super::sections::Sections;
use crate::text::suggest;

/// Returns true if systemd may know `key` in `section`. For a section that is not listed here, all keys may be known.
pub(super) fn may_be_known(section: &str, key: &str) -> bool {
    KEYS.get(section).is_none_or(|keys| keys.contains(key)) || key.starts_with("X-") || key.len() < 4
}

/// Returns the remedy for `key` if systemd definitely ignores it in `section`: it is a key of another section of such a
/// unit, or a misspelling of a key of this one. A key of a later release may be missing here.
pub(super) fn help(sections: Sections, section: &str, key: &str) -> Option<String> {
    let known = KEYS.get(section)?;
    if may_be_known(section, key) || key.len() > 64 {
        return None;
    }
    if let Some(other) = sections.all().find(|other| KEYS.get(other).is_some_and(|keys| keys.contains(key))) {
        return Some(format!("`{key}=` belongs in the section [{other}]"));
    }
    let in_other_case = known.iter().find(|known| known.eq_ignore_ascii_case(key)).copied();
    let most = if key.len() < 8 { 1 } else { 2 };
    let meant = in_other_case.or_else(|| match suggest::closest_within(key, most, known.iter().copied())[..] {
        [meant] => Some(meant),
        _ => None,
    })?;
    Some(format!("did you mean `{meant}=`?"))
}

/// The keys of all listed sections.
static KEYS: LazyLock<HashMap<&'static str, HashSet<&'static str>>> = LazyLock::new(|| {
    let sections: [(&str, &[&str]); 9] = [
        ("Unit", &[UNIT]),
        ("Install", &[INSTALL]),
        ("Service", &[SERVICE, COMMON]),
        ("Socket", &[SOCKET, COMMON]),
        ("Mount", &[MOUNT, COMMON]),
        ("Swap", &[SWAP, COMMON]),
        ("Timer", &[TIMER]),
        ("Path", &[PATH]),
        ("Automount", &[AUTOMOUNT]),
    ];
    let words = |groups: &[&'static str]| groups.iter().flat_map(|group| group.split_whitespace()).collect();
    sections.into_iter().map(|(section, groups)| (section, words(groups))).collect()
});

/// Keys of `[Unit]`.
const UNIT: &str = "\
    After AllowIsolate AssertACPower AssertArchitecture AssertCPUFeature AssertCPUPressure AssertCPUs \
    AssertCapability AssertControlGroupController AssertCredential AssertDirectoryNotEmpty AssertEnvironment \
    AssertFileIsExecutable AssertFileNotEmpty AssertFirstBoot AssertGroup AssertHost AssertIOPressure \
    AssertKernelCommandLine AssertKernelModuleLoaded AssertKernelVersion AssertMemory AssertMemoryPressure \
    AssertNeedsUpdate AssertOSRelease AssertPathExists AssertPathExistsGlob AssertPathIsDirectory \
    AssertPathIsEncrypted AssertPathIsMountPoint AssertPathIsReadWrite AssertPathIsSymbolicLink AssertSecurity \
    AssertUser AssertVersion AssertVirtualization Before BindTo BindsTo CollectMode ConditionACPower \
    ConditionArchitecture ConditionCPUFeature ConditionCPUPressure ConditionCPUs ConditionCapability \
    ConditionControlGroupController ConditionCredential ConditionDirectoryNotEmpty ConditionEnvironment \
    ConditionFileIsExecutable ConditionFileNotEmpty ConditionFirmware ConditionFirstBoot ConditionGroup \
    ConditionHost ConditionIOPressure ConditionKernelCommandLine ConditionKernelModuleLoaded \
    ConditionKernelVersion ConditionMemory ConditionMemoryPressure ConditionNeedsUpdate ConditionOSRelease \
    ConditionPathExists ConditionPathExistsGlob ConditionPathIsDirectory ConditionPathIsEncrypted \
    ConditionPathIsMountPoint ConditionPathIsReadWrite ConditionPathIsSymbolicLink ConditionSecurity \
    ConditionUser ConditionVersion ConditionVirtualization Conflicts DefaultDependencies Description \
    Documentation FailureAction FailureActionExitStatus IgnoreOnIsolate JobRunningTimeoutSec JobTimeoutAction \
    JobTimeoutRebootArgument JobTimeoutSec JoinsNamespaceOf OnFailure OnFailureIsolate OnFailureJobMode OnSuccess \
    OnSuccessJobMode PartOf PropagateReloadFrom PropagateReloadTo PropagateStopTo PropagatesReloadTo \
    PropagatesStopTo RebootArgument RefuseManualStart RefuseManualStop ReloadPropagatedFrom Requires \
    RequiresMountsFor RequiresOverridable Requisite RequisiteOverridable SourcePath StartLimitAction \
    StartLimitBurst StartLimitInterval StartLimitIntervalSec StopPropagatedFrom StopWhenUnneeded SuccessAction \
    SuccessActionExitStatus SurviveFinalKillSignal Upholds Wants WantsMountsFor";

/// Keys of `[Install]`.
const INSTALL: &str = "\
    Alias Also DefaultInstance RequiredBy WantedBy";

/// Keys of every section whose unit runs commands: `systemd.exec(5)`, `systemd.kill(5)` and `systemd.resource-control(5)`.
const COMMON: &str = "\
    AllowedCPUs AllowedMemoryNodes AmbientCapabilities AppArmorProfile BPFDelegateAttachments BPFDelegateCommands \
    BPFDelegateMaps BPFDelegatePrograms BPFProgram BindLogSockets BindNetworkInterface BindPaths \
    BindReadOnlyPaths BlockIOAccounting BlockIODeviceWeight BlockIOReadBandwidth BlockIOWeight \
    BlockIOWriteBandwidth CPUAccounting CPUAffinity CPUPressureThresholdSec CPUPressureWatch CPUQuota \
    CPUQuotaPeriodSec CPUSchedulingPolicy CPUSchedulingPriority CPUSchedulingResetOnFork CPUShares CPUWeight \
    CacheDirectory CacheDirectoryAccounting CacheDirectoryMode CacheDirectoryQuota CapabilityBoundingSet \
    ConfigurationDirectory ConfigurationDirectoryMode CoredumpFilter CoredumpReceive DefaultMemoryLow \
    DefaultMemoryMin Delegate DelegateNamespaces DelegateSubgroup DeviceAllow DevicePolicy DisableControllers \
    DynamicUser Environment EnvironmentFile ExecPaths ExecSearchPath ExtensionDirectories ExtensionImagePolicy \
    ExtensionImages FinalKillSignal Group IOAccounting IODeviceLatencyTargetSec IODeviceWeight \
    IOPressureThresholdSec IOPressureWatch IOReadBandwidthMax IOReadIOPSMax IOSchedulingClass \
    IOSchedulingPriority IOWeight IOWriteBandwidthMax IOWriteIOPSMax IPAccounting IPAddressAllow IPAddressDeny \
    IPCNamespacePath IPEgressFilterPath IPIngressFilterPath IgnoreSIGPIPE ImportCredential \
    InaccessibleDirectories InaccessiblePaths KeyringMode KillMode KillSignal LimitAS LimitCORE LimitCPU \
    LimitDATA LimitFSIZE LimitLOCKS LimitMEMLOCK LimitMSGQUEUE LimitNICE LimitNOFILE LimitNPROC LimitRSS \
    LimitRTPRIO LimitRTTIME LimitSIGPENDING LimitSTACK LoadCredential LoadCredentialEncrypted LockPersonality \
    LogExtraFields LogFilterPatterns LogLevelMax LogNamespace LogRateLimitBurst LogRateLimitIntervalSec \
    LogsDirectory LogsDirectoryAccounting LogsDirectoryMode LogsDirectoryQuota ManagedOOMMemoryPressure \
    ManagedOOMMemoryPressureDurationSec ManagedOOMMemoryPressureLimit ManagedOOMPreference ManagedOOMSwap \
    MemoryAccounting MemoryDenyWriteExecute MemoryHigh MemoryKSM MemoryLimit MemoryLow MemoryMax MemoryMin \
    MemoryPressureThresholdSec MemoryPressureWatch MemorySwapMax MemoryTHP MemoryZSwapMax MemoryZSwapWriteback \
    MountAPIVFS MountFlags MountImagePolicy MountImages NFTSet NUMAMask NUMAPolicy NetworkNamespacePath Nice \
    NoExecPaths NoNewPrivileges OOMScoreAdjust PAMName PassEnvironment Personality PrivateBPF PrivateDevices \
    PrivateIPC PrivateMounts PrivateNetwork PrivatePIDs PrivateTmp PrivateUsers ProcSubset ProtectClock \
    ProtectControlGroups ProtectHome ProtectHostname ProtectKernelLogs ProtectKernelModules ProtectKernelTunables \
    ProtectProc ProtectSystem ReadOnlyDirectories ReadOnlyPaths ReadWriteDirectories ReadWritePaths RemoveIPC \
    RestartKillSignal RestrictAddressFamilies RestrictFileSystems RestrictNamespaces RestrictNetworkInterfaces \
    RestrictRealtime RestrictSUIDSGID RootDirectory RootEphemeral RootHash RootHashSignature RootImage \
    RootImageOptions RootImagePolicy RootVerity RuntimeDirectory RuntimeDirectoryMode RuntimeDirectoryPreserve \
    SELinuxContext SecureBits SendSIGHUP SendSIGKILL SetCredential SetCredentialEncrypted SetLoginEnvironment \
    Slice SmackProcessLabel SocketBindAllow SocketBindDeny StandardError StandardInput StandardInputData \
    StandardInputText StandardOutput StartupAllowedCPUs StartupAllowedMemoryNodes StartupBlockIOWeight \
    StartupCPUShares StartupCPUWeight StartupIOWeight StateDirectory StateDirectoryAccounting StateDirectoryMode \
    StateDirectoryQuota SupplementaryGroups SyslogFacility SyslogIdentifier SyslogLevel SyslogLevelPrefix \
    SystemCallArchitectures SystemCallErrorNumber SystemCallFilter SystemCallLog TTYColumns TTYPath TTYReset \
    TTYRows TTYVHangup TTYVTDisallocate TasksAccounting TasksMax TemporaryFileSystem TimeoutCleanSec TimeoutSec \
    TimerSlackNSec UMask UnsetEnvironment User UserNamespacePath UtmpIdentifier UtmpMode WatchdogSignal \
    WorkingDirectory";

/// Keys of `[Service]` alone.
const SERVICE: &str = "\
    BusName ExecCondition ExecReload ExecReloadPost ExecStart ExecStartPost ExecStartPre ExecStop ExecStopPost \
    ExitType FailureAction FileDescriptorStoreMax FileDescriptorStorePreserve GuessMainPID NonBlocking \
    NotifyAccess OOMPolicy OpenFile PIDFile PermissionsStartOnly RebootArgument RefreshOnReload ReloadSignal \
    RemainAfterExit Restart RestartForceExitStatus RestartMaxDelaySec RestartMode RestartPreventExitStatus \
    RestartSec RestartSteps RootDirectoryStartOnly RuntimeMaxSec RuntimeRandomizedExtraSec Sockets \
    StartLimitAction StartLimitBurst StartLimitInterval StartLimitIntervalSec SuccessExitStatus TimeoutAbortSec \
    TimeoutStartFailureMode TimeoutStartSec TimeoutStopFailureMode TimeoutStopSec Type USBFunctionDescriptors \
    USBFunctionStrings WatchdogSec";

/// Keys of `[Socket]` alone.
const SOCKET: &str = "\
    Accept AcceptFileDescriptors Backlog BindIPv6Only BindToDevice Broadcast DeferAcceptSec DeferTrigger \
    DeferTriggerMaxSec DirectoryMode ExecStartPost ExecStartPre ExecStopPost ExecStopPre FileDescriptorName \
    FlushPending FreeBind IPTOS IPTTL KeepAlive KeepAliveIntervalSec KeepAliveProbes KeepAliveTimeSec \
    ListenDatagram ListenFIFO ListenMessageQueue ListenNetlink ListenSequentialPacket ListenSpecial ListenStream \
    ListenUSBFunction Mark MaxConnections MaxConnectionsPerSource MessageQueueMaxMessages MessageQueueMessageSize \
    NoDelay PassCredentials PassFileDescriptorsToExec PassPIDFD PassPacketInfo PassSecurity PipeSize \
    PollLimitBurst PollLimitIntervalSec Priority ReceiveBuffer RemoveOnStop ReusePort SELinuxContextFromNet \
    SendBuffer Service SmackLabel SmackLabelIPIn SmackLabelIPOut SocketGroup SocketMode SocketProtocol SocketUser \
    Symlinks TCPCongestion Timestamping Transparent TriggerLimitBurst TriggerLimitIntervalSec Writable";

/// Keys of `[Mount]` alone.
const MOUNT: &str = "\
    DirectoryMode ForceUnmount LazyUnmount Options ReadWriteOnly SloppyOptions Type What Where";

/// Keys of `[Swap]` alone.
const SWAP: &str = "\
    Options Priority What";

/// Keys of `[Timer]` alone.
const TIMER: &str = "\
    AccuracySec DeferReactivation FixedRandomDelay OnActiveSec OnBootSec OnCalendar OnClockChange OnStartupSec \
    OnTimezoneChange OnUnitActiveSec OnUnitInactiveSec Persistent RandomizedDelaySec RandomizedOffsetSec \
    RemainAfterElapse Unit WakeSystem";

/// Keys of `[Path]` alone.
const PATH: &str = "\
    DirectoryMode DirectoryNotEmpty MakeDirectory PathChanged PathExists PathExistsGlob PathModified \
    TriggerLimitBurst TriggerLimitIntervalSec Unit";

/// Keys of `[Automount]` alone.
const AUTOMOUNT: &str = "\
    DirectoryMode ExtraOptions TimeoutIdleSec Where";

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str, section: &str, key: &str) -> Option<String> {
        help(Sections::of(name).unwrap(), section, key)
    }

    #[test]
    fn misspelled_and_misplaced_keys_have_a_remedy() {
        for (name, section, key, remedy) in [
            ("a.service", "Service", "ExecStrat", "did you mean `ExecStart=`?"),
            ("a.service", "Service", "execstart", "did you mean `ExecStart=`?"),
            ("a.service", "Service", "Enviroment", "did you mean `Environment=`?"),
            ("a.service", "Service", "RestartSecs", "did you mean `RestartSec=`?"),
            ("a.service", "Unit", "Afer", "did you mean `After=`?"),
            ("a.service", "Unit", "WantedBy", "`WantedBy=` belongs in the section [Install]"),
            ("a.service", "Unit", "ExecStart", "`ExecStart=` belongs in the section [Service]"),
            ("a.service", "Service", "After", "`After=` belongs in the section [Unit]"),
            ("a.timer", "Timer", "OnCalender", "did you mean `OnCalendar=`?"),
            ("a.timer", "Unit", "OnCalendar", "`OnCalendar=` belongs in the section [Timer]"),
            ("a.socket", "Socket", "ListenSteam", "did you mean `ListenStream=`?"),
        ] {
            assert_eq!(found(name, section, key).as_deref(), Some(remedy), "{key}");
        }
    }

    #[test]
    fn other_keys_may_be_of_another_release() {
        for (name, section, key) in [
            ("a.service", "Service", "ExecStart"),
            ("a.service", "Service", "StartLimitInterval"),
            ("a.service", "Unit", "StartLimitIntervalSec"),
            ("a.service", "Service", "X-Exec-Start"),
            ("a.service", "Service", "SomethingNew"),
            ("a.service", "Service", "PrivatePIDs"),
            ("a.slice", "Slice", "MemoryMac"),
            ("a.timer", "Timer", "OnCalendar"),
            ("a.network", "Network", "DCHP"),
        ] {
            assert_eq!(found(name, section, key), None, "{key}");
        }
    }
}
