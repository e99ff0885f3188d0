complete -c coreos-cloudinit -l from-file -d 'Read user-data from a file' -r
complete -c coreos-cloudinit -l from-url -d 'Fetch user-data over HTTP or HTTPS' -r
complete -c coreos-cloudinit -l from-configdrive -d 'Read an OpenStack config drive' -r
complete -c coreos-cloudinit -l from-nocloud -d 'Read a NoCloud drive or seed directory' -r
complete -c coreos-cloudinit -l from-ec2-metadata -d 'Query EC2\'s metadata service' -r
complete -c coreos-cloudinit -l from-gce-metadata -d 'Query GCE\'s metadata service' -r
complete -c coreos-cloudinit -l from-digitalocean-metadata -d 'Query DigitalOcean\'s metadata service' -r
complete -c coreos-cloudinit -l from-packet-metadata -d 'Query Packet\'s metadata service' -r
complete -c coreos-cloudinit -l from-akamai-metadata -d 'Query Akamai\'s metadata service' -r
complete -c coreos-cloudinit -l from-alibaba-metadata -d 'Query Alibaba\'s metadata service' -r
complete -c coreos-cloudinit -l from-cloudstack-metadata -d 'Query CloudStack\'s metadata service' -r
complete -c coreos-cloudinit -l from-exoscale-metadata -d 'Query Exoscale\'s metadata service' -r
complete -c coreos-cloudinit -l from-hetzner-metadata -d 'Query Hetzner\'s metadata service' -r
complete -c coreos-cloudinit -l from-openstack-metadata -d 'Query OpenStack\'s metadata service' -r
complete -c coreos-cloudinit -l from-oracle-metadata -d 'Query Oracle Cloud\'s metadata service' -r
complete -c coreos-cloudinit -l from-upcloud-metadata -d 'Query UpCloud\'s metadata service' -r
complete -c coreos-cloudinit -l from-vultr-metadata -d 'Query Vultr\'s metadata service' -r
complete -c coreos-cloudinit -l from-waagent -d 'Read the directory of the Azure agent' -r
complete -c coreos-cloudinit -l from-vmware-ovf-env -d 'Read an OVF environment document' -r
complete -c coreos-cloudinit -l oem -d 'Set the flags of a platform' -r
complete -c coreos-cloudinit -l convert-netconf -d 'Convert the platform\'s network configuration' -r
complete -c coreos-cloudinit -l workspace -d 'Store scripts in DIR' -r
complete -c coreos-cloudinit -l ssh-key-name -d 'Write SSH keys to the set NAME' -r
complete -c coreos-cloudinit -l root -d 'Apply to the tree in DIR [default: /]' -r
complete -c coreos-cloudinit -l job-timeout -d 'Set the timeout of a unit job [default: 300]' -r
complete -c coreos-cloudinit -l deadline -d 'Set the time limit of the run [default: 540]' -r
complete -c coreos-cloudinit -l explain -d 'Print the documentation of a rule' -r
complete -c coreos-cloudinit -l convert-to -d 'Convert to butane, butane-fcos or ignition' -r
complete -c coreos-cloudinit -l platform -d 'Set the platform that provides the addresses' -r
complete -c coreos-cloudinit -l addresses -d 'Replace address tokens with an address' -r
complete -c coreos-cloudinit -l format -d 'Set the output format: text or json [default: text]' -r
complete -c coreos-cloudinit -l from-nocloud-seed -d 'Read the NoCloud seed of this machine'
complete -c coreos-cloudinit -l from-metadata-service -d 'Query EC2\'s default URL (deprecated)'
complete -c coreos-cloudinit -l from-cloudsigma-metadata -d 'Read the server context of CloudSigma'
complete -c coreos-cloudinit -l from-vmware-guestinfo -d 'Read VMware\'s guestinfo variables'
complete -c coreos-cloudinit -l from-proc-cmdline -d 'Fetch the URL in /proc/cmdline'
complete -c coreos-cloudinit -l ignore-platform -d 'Query services of other platforms'
complete -c coreos-cloudinit -l ignore-failure -d 'Exit with code 0 even if a run fails'
complete -c coreos-cloudinit -l strict -d 'Reject a part if an item cannot be applied'
complete -c coreos-cloudinit -l short-hostname -d 'Cut host names at the first dot'
complete -c coreos-cloudinit -l validate -d 'Check the user-data and report problems'
complete -c coreos-cloudinit -l dry-run -d 'Print the steps of a run without applying them'
complete -c coreos-cloudinit -l exit-code -d 'Exit with 3 if a --dry-run finds changes'
complete -c coreos-cloudinit -l print-config -d 'Print the configuration as parsed'
complete -c coreos-cloudinit -l schema -d 'Print the JSON Schema of cloud-config, for editors'
complete -c coreos-cloudinit -l status -d 'Print the results of the runs since boot'
complete -c coreos-cloudinit -l ordered -d 'Keep the order of unit commands'
complete -c coreos-cloudinit -l show-secrets -d 'Print secrets with --print-config'
complete -c coreos-cloudinit -l show-diff -d 'Print changed lines of files with --dry-run'
complete -c coreos-cloudinit -s v -d 'Log unchanged steps, and more details'
complete -c coreos-cloudinit -s q -d 'Log only warnings and errors'
complete -c coreos-cloudinit -l version -d 'Print the version'
complete -c coreos-cloudinit -s h -l help -d 'Print the help (-h: one line per flag)'
