#arg V=1
FROM alpine
ARG V
ENV E="a b"
WORKDIR /x/${V}
COPY --chown=${V}:${V} f /f$V
copy ["f 1", "g", "/dst dir/"]
ADD "un'closed" /x
RUN echo $V "$E" '$V' $unset ${V:+set} \
    && two
RUN --mount=type=secret,id=t,env=TOKEN,required echo $TOKEN
RUN ["echo", "$V"]
RUN <<EOF
  echo $V
two
EOF
RUN <<EOF
echo one
EOF
COPY <<EOF /here/$V
text $V
EOF
LABEL a=$V
