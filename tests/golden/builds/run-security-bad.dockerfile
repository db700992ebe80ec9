FROM base:1
RUN --security=insecur true
