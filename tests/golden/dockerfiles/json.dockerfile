FROM busybox
RUN ["echo", "a b", "\u00e9"]
RUN [ "x" , "y" ]
CMD []
ENTRYPOINT ["top", "-b"]
VOLUME ["/a b", "/c"]
COPY ["a b", "/dst dir/"]
