FROM busybox
RUN ["sh", "-c", "cat <<EOF"]
RUN echo '<<EOF' "<<EOF"
