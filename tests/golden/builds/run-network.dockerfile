FROM base:1
RUN --network=none ls /sys/class/net
RUN --network=hots true
