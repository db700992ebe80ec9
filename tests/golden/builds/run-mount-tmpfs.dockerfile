FROM base:1
RUN --mount=type=tmpfs,target=/t,size=1m mount | grep -c "/t type tmpfs.*size=1024k" && echo x > /t/f && ls /t
RUN --mount=type=tmpfs,target=/etc ls /etc
