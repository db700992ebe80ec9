#: arg BUILDKIT_SANDBOX_HOSTNAME=given
FROM base:1
RUN cat /proc/sys/kernel/hostname
